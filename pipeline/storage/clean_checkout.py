"""A temporary worktree of a commit, which is removed however the work in it ends."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import UserError
from pipeline.storage.provenance import COMMIT, READ_ANY_OWNER
from pipeline.storage.temporary import temporary_folder

PREFIX = "convtrack-checkout-"


@contextmanager
def clean_checkout(commit: str, patch: Path | None = None) -> Iterator[Path]:
    """Yield a folder with the files of a commit, changed by a patch if there is one.

    Checkouts that killed processes left behind are removed, too.

    Raises:
        UserError: the text is not a commit, Git cannot check it out, or the patch does not apply.
    """
    if not COMMIT.fullmatch(commit):  # Git would read an option.
        raise UserError(f"The code of the run cannot be restored: '{commit}' is not a commit.")
    try:
        with temporary_folder(Path(tempfile.gettempdir()), PREFIX) as folder:
            project, short = folder / "project", commit[:12]
            _git("worktree", "add", "--quiet", "--detach", str(project), commit, why=f"cannot check out commit {short}")
            if patch is not None:
                apply = ("-C", str(project), "apply", "--binary", str(patch.resolve()))
                _git(*apply, why="the recorded patch does not apply")
            yield project
    finally:
        # Forget all worktrees whose folder is gone.
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
