"""Find the picture files in a folder, and list every file that is not used, with the reason."""

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from PIL import features

from pipeline.console import Counting
from pipeline.data.images import Skipped, printable
from pipeline.data.pictures.decoded import Picture
from pipeline.data.pictures.opening import Unreadable, pages
from pipeline.errors import UserError

TIFF = frozenset({".tif", ".tiff"})
SUFFIXES = (
    TIFF
    | {".bmp", ".gif", ".heic", ".heif", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm"}
    | {".ppm", ".webp"}
    | ({".avif"} if features.check("avif") else set())
)
SYSTEM_FOLDERS = frozenset(
    {"@eadir", "@recycle", "#recycle", "#snapshot", "__macosx", "$recycle.bin", "system volume information"}
)
"""Folders in which operating systems and storage devices keep copies, thumbnails and deleted files, in lower case."""

BROKEN_LINK = "broken link"
NOT_UTF8 = "name is not valid UTF-8"
SPECIAL = "neither file nor folder"


class Found(NamedTuple):
    """The pictures below a folder, sorted by name, and all other files and folders, with reasons."""

    pictures: list[Picture]
    skipped: list[Skipped]


def find_pictures(root: Path, *, all_pages: bool = False) -> Found:
    """List the pictures below `root`, in all folders.

    Hidden files and folders, and folders of operating systems, are skipped. Links to folders are followed, unless the
    folder is read under another name. With `all_pages`, each page of a TIFF file is a picture of its own.

    Raises:
        UserError: `root` cannot be opened.
    """
    pictures: list[Picture] = []
    skipped: list[Skipped] = []
    counter = Counting("files found")
    for entry, name in _files(root, skipped):
        counter.advance()
        suffix = PurePosixPath(entry.name).suffix.lower()
        if suffix not in SUFFIXES:
            skipped.append(Skipped(printable(name), f"not a supported picture format ({suffix or 'no suffix'})"))
            continue
        try:
            state = entry.stat()
        except OSError as error:
            skipped.append(Skipped(printable(name), f"cannot be opened ({error.strerror})"))
            continue
        count = 1
        if all_pages and suffix in TIFF:
            try:
                count = pages(root / name)
            except Unreadable:
                count = 1  # Decoding reports the reason.
        pictures += [Picture(name, page, state.st_size, state.st_mtime_ns) for page in range(count)]
    counter.close()
    return Found(sorted(pictures), sorted(skipped))


class _Walk:
    """The folders below a root that are still to be read, as names relative to it with a final slash."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.top = os.path.realpath(root)
        self.read: dict[str, str] = {}  # names of the folders by their real paths
        self.folders = [("", self.top)]
        self.links: list[str] = []

    def next(self, skipped: list[Skipped]) -> tuple[str, str] | None:
        """The name and the real path of the next folder. Links come last, so that real folders keep their names."""
        while self.folders or self.links:
            if self.folders:
                name, real = self.folders.pop()
            else:
                self.links.sort(reverse=True)
                name = self.links.pop()
                real = os.path.realpath(self.root / name)
            if os.path.commonpath([self.top, real]) == real != self.top:
                skipped.append(Skipped(printable(name), "link to a folder that contains it"))
            elif real in self.read:
                skipped.append(Skipped(printable(name), f"link to '{self.read[real] or './'}', which is read already"))
            else:
                self.read[real] = printable(name)
                return name, real
        return None


def _files(root: Path, skipped: list[Skipped]) -> Iterator[tuple["os.DirEntry[str]", str]]:
    """All files below a folder with their names relative to it."""
    walk = _Walk(root)
    while following := walk.next(skipped):
        folder, real = following
        try:
            with os.scandir(root / folder) as entries:
                found = list(entries)
        except OSError as error:
            if not folder:
                raise UserError(
                    f"Folder '{root}' cannot be opened ({error.strerror}): check its permissions."
                ) from None
            skipped.append(Skipped(printable(folder), f"cannot be opened ({error.strerror})"))
            continue
        if not found:
            skipped.append(Skipped(printable(folder), "empty folder"))
        for entry in found:
            name = folder + entry.name
            kind = _kind(entry)
            reason = _unnamed(entry.name, kind)
            if reason and kind == "folder":
                files = sum(len(names) for _, _, names in os.walk(root / name))
                skipped.append(Skipped(printable(name) + "/", reason, files))
            elif reason:
                skipped.append(Skipped(printable(name), reason))
            elif kind == "file":
                yield entry, name
            elif entry.is_symlink():
                walk.links.append(name + "/")
            else:
                walk.folders.append((name + "/", f"{real.rstrip('/')}/{entry.name}"))


def _kind(entry: "os.DirEntry[str]") -> str:
    try:
        if entry.is_dir():
            return "folder"
        if entry.is_file():
            return "file"
    except OSError:  # a link that leads to itself
        return BROKEN_LINK
    return BROKEN_LINK if entry.is_symlink() else SPECIAL


def _unnamed(name: str, kind: str) -> str | None:
    """Why an entry of a folder is skipped without being opened."""
    if name.startswith("."):
        return "hidden file or folder"
    if kind == "folder" and name.lower() in SYSTEM_FOLDERS:
        return "folder of an operating system or storage device"
    if any("\ud800" <= one <= "\udfff" for one in name):
        return NOT_UTF8
    return None if kind in ("file", "folder") else kind
