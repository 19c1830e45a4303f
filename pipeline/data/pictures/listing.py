"""Find the picture files in a folder. Whatever is not used is listed with the reason."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from PIL import features

from pipeline.data.images import Skipped
from pipeline.data.pictures.decode import Unreadable, pages, reads_heif
from pipeline.data.pictures.decoded import Picture

SUFFIXES = frozenset(
    {".bmp", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
    | ({".avif"} if features.check("avif") else set())
)
HEIF = frozenset({".heic", ".heif"})
SYSTEM_FOLDERS = frozenset({"@eaDir", "__MACOSX", "$RECYCLE.BIN", "System Volume Information"})
"""Folders in which operating systems and storage devices keep copies, thumbnails and deleted files."""


class Found(NamedTuple):
    """The pictures below a folder, sorted by name, and all other files, with reasons."""

    pictures: list[Picture]
    skipped: list[Skipped]


def find_pictures(root: Path, *, all_pages: bool = False) -> Found:
    """List the pictures below `root`, in all folders. Links to folders are followed if they lead nowhere twice.

    Hidden files and folders, and folders of operating systems, are skipped. With `all_pages`, each page of a TIFF file
    is a picture of its own.
    """
    pictures: list[Picture] = []
    skipped: list[Skipped] = []
    for file in _files(root, root, (os.path.realpath(root),), skipped):
        name = file.relative_to(root).as_posix()
        reason = _unusable(file)
        if reason:
            skipped.append(Skipped(name, reason))
            continue
        state = file.stat()
        count = 1
        if all_pages and file.suffix.lower() in {".tif", ".tiff"}:
            try:
                count = pages(file)
            except Unreadable:
                count = 1  # Decoding reports the reason.
        pictures += [Picture(name, page, state.st_size, state.st_mtime_ns) for page in range(count)]
    return Found(sorted(pictures), sorted(skipped))


def _files(folder: Path, root: Path, parents: tuple[str, ...], skipped: list[Skipped]) -> Iterator[Path]:
    """All files below a folder; `parents` are the real paths of the folders that lead to it."""
    with os.scandir(folder) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        path = folder / entry.name
        name = path.relative_to(root).as_posix()
        reason = _unnamed(entry.name)
        if entry.is_dir():
            real = os.path.realpath(path)
            if reason is None and entry.name in SYSTEM_FOLDERS:
                reason = "folder of an operating system or storage device"
            if reason is None and entry.is_symlink() and any(real == parent for parent in parents):
                reason = "link to a folder that contains it"
            if reason is None:
                yield from _files(path, root, (*parents, real), skipped)
            else:
                files = sum(len(names) for _, _, names in os.walk(path))
                skipped.append(Skipped(_printable(name) + "/", f"{reason} with {files} files"))
        elif reason is not None:
            skipped.append(Skipped(_printable(name), reason))
        elif not entry.is_file():
            skipped.append(Skipped(name, "broken link" if entry.is_symlink() else "not a regular file"))
        else:
            yield path


def _unnamed(name: str) -> str | None:
    """Why a file or folder is skipped for its name alone."""
    if name.startswith("."):
        return "hidden"
    try:
        name.encode()
    except UnicodeEncodeError:
        return "its name is not valid UTF-8"
    return None


def _unusable(file: Path) -> str | None:
    """Why a file is no picture that can be read."""
    suffix = file.suffix.lower()
    if suffix in HEIF and not reads_heif():
        return "HEIC pictures need the package pillow-heif: `pip install pillow-heif`"
    if suffix not in SUFFIXES | HEIF:
        return f"not a picture ({suffix or 'no suffix'})"
    return None


def _printable(name: str) -> str:
    return name.encode(errors="backslashreplace").decode()
