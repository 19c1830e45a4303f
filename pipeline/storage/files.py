"""Read and write files: whole or not at all, with a clear message where one is missing or damaged."""

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
    """The file itself.

    Raises:
        UserError: it is missing, so a stage before this one has not run.
    """
    if not file.is_file():
        raise UserError(f"{file} is missing; run `dvc repro`, which makes it.")
    return file


def read_text(file: Path) -> str:
    """The text in a file of ours; raises as `existing`."""
    return existing(file).read_text(encoding="utf-8")


def damaged(file: Path) -> UserError:
    """The error for a file of ours that cannot be read, or is of an earlier version that wrote less."""
    return UserError(f"{file} is damaged or was written by another version: delete it and run `dvc repro`.")


def read_json(file: Path) -> Any:
    """The values in a JSON file of ours; raises as `existing`, and if it is damaged."""
    try:
        return json.loads(read_text(file))
    except ValueError:
        raise damaged(file) from None


def write_json(file: Path, values: Any) -> None:
    """Write values as JSON, whole or not at all."""
    with replacing(file) as unfinished:
        unfinished.write_text(
            json.dumps(values, indent=1, allow_nan=False, ensure_ascii=False) + "\n", encoding="utf-8"
        )


@contextmanager
def replacing(file: Path) -> Iterator[Path]:
    """A path beside `file`, moved onto it when the block has ended well: readers never see half a file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_name(f".{os.getpid()}-{file.name}")
    try:
        yield unfinished
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def replacing_folder(folder: Path) -> Iterator[Path]:
    """An empty folder, moved to `folder` when the block has ended well; what was there before goes.

    So does what a process left behind that was killed here.
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
