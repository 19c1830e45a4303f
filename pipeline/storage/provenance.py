"""Provenance of a result: the commit, local changes and package versions."""

import hashlib
import os
import re
import shutil
import subprocess
from functools import cache
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from pipeline.safe_text import redacted

CODE = ("pipeline", "hydra_plugins", "conf", "dvc.yaml", "requirements.lock")
PACKAGES = ("tensorflow", "keras", "numpy", "scikit-learn", "mlflow", "dvc", "hydra-core")

COMMIT = re.compile(r"[0-9a-f]{4,64}", re.ASCII)
"""A commit. Git would read a text that begins with a hyphen as an option."""

READ_ANY_OWNER = ("-c", "safe.directory=*", "-c", "core.fsmonitor=false")
"""Accept a repository of another user, as in a container, which git calls "dubious": reading it runs no program."""

LARGEST_PATCH = 2**18
"""Bytes. Changes that need a longer patch are recorded as changes only."""


class Code(NamedTuple):
    """The code of a process: the commit, whether the working tree differs from it, and the difference.

    `patch` is what `git apply` needs to restore the difference: empty without one, None if it is too long.
    """

    commit: str
    dirty: bool
    patch: bytes | None

    @property
    def record(self) -> dict[str, Any]:
        """The fields of a record; `patch` is the digest of the patch, None without one."""
        return {"commit": self.commit, "dirty": self.dirty, "patch": patch_digest(self.patch) if self.patch else None}

    def write_patch(self, file: Path) -> None:
        """Write the patch, if there is one."""
        if self.patch:
            file.write_bytes(self.patch)


def process_code() -> Code:
    """The code of this process, as it was at the first call: later changes are not those of the imported modules."""
    return _code_in(Path.cwd())


@cache
def _code_in(folder: Path) -> Code:
    changed = dirty()
    return Code(commit(), changed, uncommitted() if changed else b"")


def patch_digest(patch: bytes) -> str:
    """The digest by which a patch is recorded: SHA-256, 64 hexadecimal digits."""
    return hashlib.sha256(patch).hexdigest()


def commit() -> str:
    """Return the checked-out commit, or `none` outside a repository."""
    return _git("rev-parse", "HEAD") or "none"


def dirty() -> bool:
    """Return whether code or configuration differ from the checked-out commit; files that runs write do not count."""
    return bool(_git("status", "--porcelain", "--", *CODE))


def uncommitted() -> bytes | None:
    """Return the changes of code and configuration since the commit, new files included, as a patch for `git apply`.

    Other files, such as data or settings of the editor, are never part of it. None if it is longer than
    `LARGEST_PATCH`, if it holds a password or token, or without a commit.
    """
    index = _git("rev-parse", "--git-path", "index")
    if commit() == "none" or not Path(index).is_file():
        return None
    with TemporaryDirectory() as scratch:
        # In a copy of the index, new files count as known without being added to the user's own.
        copy = Path(scratch) / "index"
        shutil.copyfile(index, copy)
        held = {**os.environ, "GIT_INDEX_FILE": str(copy)}
        _run_git("add", "--intent-to-add", "--", *filter(os.path.exists, CODE), environment=held)
        plain = ("-c", "diff.noprefix=false", "-c", "diff.mnemonicPrefix=false")
        options = ("--binary", "--full-index", "--no-color", "--no-ext-diff", "--no-textconv", "--no-renames")
        patch = _run_git(*plain, "diff", *options, "HEAD", "--", *CODE, environment=held)
    if not patch or len(patch) > LARGEST_PATCH:
        return None
    text = patch.decode(errors="replace")
    return patch if redacted(text) == text else None


def commit_exists(commit: str) -> bool:
    """Return whether the repository has a commit."""
    return COMMIT.fullmatch(commit) is not None and _run_git("cat-file", "-e", f"{commit}^{{commit}}") is not None


def contains_commit(commit: str, earlier: str) -> bool:
    """Return whether a commit that exists is another one, or has it in its history."""
    return _run_git("merge-base", "--is-ancestor", earlier, commit) is not None


def commit_line(commit: str) -> str:
    """Return the date and the subject of a commit that exists."""
    return _git("log", "-1", "--format=%cs, %s", commit)


def changed_since(commit: str) -> list[str]:
    """Return the files of code and configuration that differ from a commit that exists."""
    return _git("diff", "--name-only", "--no-ext-diff", commit, "--", *CODE).splitlines()


def committed(file: Path) -> bytes | None:
    """Return the content of a file of this project in the checked-out commit; None if it is not there."""
    return _run_git("show", f"HEAD:./{file.as_posix()}")


def versions() -> dict[str, str]:
    """Return the installed versions of the packages that influence a result."""
    return {name: version(name) for name in PACKAGES}


def _git(*arguments: str) -> str:
    return (_run_git(*arguments) or b"").decode(errors="replace").strip()


def _run_git(*arguments: str, environment: dict[str, str] | None = None) -> bytes | None:
    """The output of a git command; None if it fails."""
    command = ["git", *READ_ANY_OWNER, *arguments]
    try:
        process = subprocess.run(command, capture_output=True, env=environment, check=False)
    except FileNotFoundError:
        return None
    return process.stdout if process.returncode == 0 else None
