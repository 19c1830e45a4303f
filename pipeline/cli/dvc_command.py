"""Run DVC in this process."""

import psutil

from pipeline.errors import UserError


def run_dvc(*arguments: str, again: str) -> None:
    """Run a command of DVC in this process, so that it ends with this process.

    `again` is the command with which the user continues after a failure.

    Raises:
        UserError: the command failed.
    """
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
