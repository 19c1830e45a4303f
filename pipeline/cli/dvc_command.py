"""Run DVC in this process."""

import os
from pathlib import Path

import psutil

from pipeline.console import say
from pipeline.errors import UserError
from pipeline.storage.dvc_files import repair

SITE_CACHE = Path(".dvc/tmp/site")
"""As in the Makefile."""


def _keep_cache_private() -> None:
    """Let DVC keep its caches of hashes in the project.

    By default they are in /var/tmp/dvc, where all users of the machine can write, and DVC unpickles parts of them.
    """
    if "DVC_SITE_CACHE_DIR" not in os.environ and SITE_CACHE.parent.parent.is_dir():
        SITE_CACHE.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.environ["DVC_SITE_CACHE_DIR"] = str(SITE_CACHE.absolute())


def run_dvc(*arguments: str, again: str) -> None:
    """Run a command of DVC in this process, so that it ends with this process; before, repair what a killed DVC left.

    `again` is the command with which the user continues after a failure.

    Raises:
        UserError: the command failed.
    """
    _keep_cache_private()
    for line in repair():
        say(line)
    from dvc.cli import main  # type: ignore[import-untyped]

    code = main(list(arguments))
    if code:
        # DVC leaves the command of a stage running if only DVC is interrupted, as by SIGTERM.
        left = psutil.Process().children()
        for child in left:
            child.terminate()
        psutil.wait_procs(left)
        raise UserError(
            f"`dvc {arguments[0]}` did not finish; its messages are above. If it could not get a lock, another "
            "command of DVC or `convtrack decide` runs in this project: wait until it ends. If you interrupted it, run "
            f"`{again}` again to continue; otherwise correct the cause first."
        )
