"""A temporary worktree of a commit, which is removed however the work in it ends."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import UserError
from pipeline.storage.interrupts import deferred_interrupts
from pipeline.storage.processes import is_gone, this_process
from pipeline.storage.provenance import COMMIT, READ_ANY_OWNER

PREFIX = "convtrack-checkout-"
OWNER = "process"
"""The file with the process that uses a checkout, by which one that was killed is recognised."""


@contextmanager
def clean_checkout(commit: str, patch: Path | None = None) -> Iterator[Path]:
    """Yield a folder with the files of a commit, changed by a patch if there is one.

    Checkouts that killed processes left behind are removed, too.

    Raises:
        UserError: the text is not a commit, Git cannot check it out, or the patch does not apply.
    """
    if not COMMIT.fullmatch(commit):  # Git would read an option.
        raise UserError(f"The code of the run cannot be restored: '{commit}' is not a commit.")
    _remove_abandoned()
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    project = folder / "project"
    try:
        (folder / OWNER).write_text(this_process(), encoding="utf-8")
        _git(
            "worktree", "add", "--quiet", "--detach", str(project), commit, why=f"cannot check out commit {commit[:12]}"
        )
        if patch is not None:
            _git("-C", str(project), "apply", "--binary", str(patch.resolve()), why="the recorded patch does not apply")
        yield project
    finally:
        with deferred_interrupts():
            _remove(folder)


def _remove_abandoned() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            abandoned = is_gone((folder / OWNER).read_text(encoding="utf-8"))
        except OSError:
            continue  # Another process is just making or removing it.
        if abandoned:
            _remove(folder)


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run(["git", *READ_ANY_OWNER, "worktree", "prune"], capture_output=True, check=False)


def _git(*arguments: str, why: str) -> None:
    # The user's hooks are for the user's own checkouts.
    command = ["git", *READ_ANY_OWNER, "-c", "core.hooksPath=/dev/null", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise UserError("git is not installed, and the code of a run is in a Git repository: install git.") from None
    if done.returncode:
        reason = " ".join(done.stderr.split()).rstrip(".") or "no reason given"
        raise UserError(f"The code of the run cannot be restored: {why} ({reason}). Fetch the commit, then try again.")
