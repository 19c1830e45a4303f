"""Atomic reads and writes of files, with a clear message for a missing or damaged file."""

import errno
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pipeline.errors import UserError
from pipeline.storage.digests import DIGESTS, OWN_DIGEST, changed, has_own_digest, recorded_digests, with_own_digest
from pipeline.storage.temporary import temporary_folder


def existing(file: Path) -> Path:
    """Return the file.

    Raises:
        UserError: the file is missing, because an earlier stage has not run, or it has changed since it was written.
    """
    if file.is_dir():
        raise UserError(f"{file} is a folder, but it must be a file. Delete it and run `dvc repro`.")
    if not file.is_file():
        raise UserError(f"{file} is missing. Run `dvc repro` to create it.")
    if found := changed(file):
        raise damaged(found)
    return file


def check_complete(folder: Path) -> None:
    """Check that all files whose digests a folder records are there; optional ones must not be lost silently.

    Raises:
        UserError: a file is missing, or the record is damaged.
    """
    try:
        names = recorded_digests(folder)
    except (OSError, ValueError):
        raise damaged(folder / DIGESTS) from None
    for name in names:
        if not (folder / name).is_file():
            existing(folder / name)


def damaged(file: Path) -> UserError:
    """Return the error for a file of a run that is unreadable or comes from another version of this project."""
    # Files in the cache, a hidden folder, are made again by the commands that use them.
    command = "the same command again" if any(part.startswith(".") for part in file.parts) else "`dvc repro`"
    return UserError(f"{file} is damaged or comes from another version. Delete it and run {command}.")


class _Record(dict[str, Any]):
    """A mapping from a JSON file. Reading a missing key raises `problem` instead of a KeyError."""

    def __init__(self, values: Mapping[str, Any], problem: UserError) -> None:
        super().__init__(values)
        self.problem = problem

    def __missing__(self, key: str) -> Any:
        raise self.problem


def read_json(file: Path, *keys: str, problem: UserError | None = None) -> Any:
    """Return the mapping in a JSON file of a run. Reading a key that it lacks later raises the same error.

    Args:
        file: the file.
        keys: keys that the mapping must have, checked now, before any work is done.
        problem: the error for a damaged file, by default `damaged`.

    Raises:
        UserError: the file is missing, is not JSON, or lacks a key, as in a run folder of an earlier version.
    """
    problem = problem or damaged(file)
    try:
        values = json.loads(existing(file).read_bytes(), object_hook=lambda found: _Record(found, problem))
    except (ValueError, RecursionError):
        raise problem from None
    if not (isinstance(values, dict) and values.keys() >= set(keys) and has_own_digest(values)):
        raise problem
    values.pop(OWN_DIGEST, None)
    return values


def read_network_text(file: Path) -> str:
    """Return the text of a network's JSON file, as Keras writes it.

    Raises:
        UserError: the file is missing or is not a network.
    """
    network = read_json(file, "class_name", "config")
    if not isinstance(network["config"], dict):
        raise damaged(file)
    return file.read_text(encoding="utf-8")


def write_json(file: Path, values: Any) -> None:
    """Write values as JSON, atomically."""
    # Piece by piece, because the text of a million names would fill the memory.
    with replacing(file) as unfinished, unfinished.open("w", encoding="utf-8") as stream:
        json.dump(values, stream, indent=1, allow_nan=False, ensure_ascii=False)
        stream.write("\n")


def write_checked_json(file: Path, content: Mapping[str, Any]) -> None:
    """Write a mapping as JSON with its own digest, which `read_json` checks, atomically."""
    write_json(file, with_own_digest(content))


@contextmanager
def replacing(file: Path) -> Iterator[Path]:
    """Yield a temporary path that replaces `file` when the block succeeds: readers never see a partial file.

    Raises:
        UserError: a folder is in its place.
    """
    if file.is_dir():
        raise UserError(f"{file} is a folder, but a file is written there. Move the folder away.")
    file.parent.mkdir(parents=True, exist_ok=True)
    with temporary_folder(file.parent, f".{file.name}-") as scratch:
        unfinished = scratch / file.name
        yield unfinished
        unfinished.replace(file)


@contextmanager
def replacing_folder(folder: Path) -> Iterator[Path]:
    """Yield an empty folder that replaces `folder` when the block succeeds."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with temporary_folder(folder.parent, f".{folder.name}-") as scratch:
        unfinished = scratch / "after"
        unfinished.mkdir()
        yield unfinished
        _replace_folder(folder, unfinished, before=scratch / "before")


def _replace_folder(folder: Path, finished: Path, *, before: Path) -> None:
    """Move a finished folder into place, and the one before to `before`."""
    while True:
        shutil.rmtree(before, ignore_errors=True)
        with suppress(FileNotFoundError):
            folder.replace(before)
        try:
            finished.replace(folder)
            break
        except OSError as problem:
            # Another process has just moved its own folder into place.
            if problem.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
