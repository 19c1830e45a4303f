"""Atomic reads and writes of files, with a clear message for a missing or damaged file."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from pipeline.errors import UserError


def existing(file: Path) -> Path:
    """Return the file.

    Raises:
        UserError: the file is missing, because an earlier stage has not run.
    """
    if not file.is_file():
        raise UserError(f"{file} is missing. Run `dvc repro` to create it.")
    return file


def read_text(file: Path) -> str:
    """Return the text in a file of a run; raises as `existing`."""
    return existing(file).read_text(encoding="utf-8")


def damaged(file: Path) -> UserError:
    """Return the error for a file of a run that is unreadable or comes from another version of this project."""
    return UserError(f"{file} is damaged or comes from another version. Delete it and run `dvc repro`.")


def read_json(file: Path, *keys: str) -> Any:
    """Return the values in a JSON file of a run. With `keys`, the file must hold a mapping that has all of them.

    Raises:
        UserError: the file is missing, is not JSON, or lacks a key, as in a run folder of an earlier version.
    """
    try:
        values = json.loads(read_text(file))
    except ValueError:
        raise damaged(file) from None
    if keys and not (isinstance(values, dict) and values.keys() >= set(keys)):
        raise damaged(file)
    return values


def write_json(file: Path, values: Any) -> None:
    """Write values as JSON, atomically."""
    with replacing(file) as unfinished:
        unfinished.write_text(
            json.dumps(values, indent=1, allow_nan=False, ensure_ascii=False) + "\n", encoding="utf-8"
        )


@contextmanager
def replacing(file: Path) -> Iterator[Path]:
    """Yield a temporary path that replaces `file` when the block succeeds: readers never see a partial file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_name(f".{os.getpid()}-{file.name}")
    try:
        yield unfinished
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def replacing_folder(folder: Path) -> Iterator[Path]:
    """Yield an empty folder that replaces `folder` when the block succeeds.

    Temporary folders that killed processes left here are deleted.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    for left in folder.parent.glob(f".{folder.name}-*"):
        if left.name.rpartition("-")[2].isdigit() and not psutil.pid_exists(int(left.name.rpartition("-")[2])):
            shutil.rmtree(left, ignore_errors=True)
    unfinished = folder.with_name(f".{folder.name}-{os.getpid()}")
    unfinished.mkdir()
    try:
        yield unfinished
        if folder.exists():
            shutil.rmtree(folder)
        unfinished.replace(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
