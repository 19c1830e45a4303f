"""The pictures that a user names: files, folders, patterns, and `-` for a list of paths."""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.counts import number_of
from pipeline.data.pictures.listing import find_pictures
from pipeline.data.user_paths import shown, user_path
from pipeline.errors import UserError

LIST = "-"
"""Stands for the list of paths."""
WILDCARDS = "*?["


@dataclass
class NamedPictures:
    """The files that a user names, in order. They are listed when they are needed, so that their number may be large.

    Attributes:
        count: the number of files, or None if some are on a list that is not read yet.
        left_out: a sentence for each folder without pictures or with other files, and each pattern without a match.
    """

    parts: list[Iterable[Path]] = field(default_factory=list)
    count: int | None = 0
    left_out: list[str] = field(default_factory=list)

    def __iter__(self) -> Iterator[Path]:
        """Yield the files.

        Raises:
            UserError: there is none.
        """
        found = False
        for part in self.parts:
            for file in part:
                found = True
                yield file
        if not found:
            raise self.nothing()

    def nothing(self) -> UserError:
        """The error for names that lead to no picture."""
        return UserError(
            f"{' '.join(self.left_out[:3]) or 'No picture is named.'} Name picture files, folders of pictures, or - "
            "for a list of paths on standard input."
        )


def named_pictures(names: Sequence[str], listed: Iterable[str]) -> NamedPictures:
    """Find the pictures that a user names.

    A file need not exist or have a valid path: reading it later reports the reason. Folders are searched as
    `find_pictures` does. A pattern, which a shell would have replaced by the files, may also match folders.

    Args:
        names: files, folders and patterns such as `photos/**/*.jpg`, and `-`.
        listed: the paths that `-` stands for, files and folders, read only when they are needed.

    Raises:
        UserError: there is no picture, or a name is empty.
    """
    if "" in names:
        # As a path, it would be the current folder.
        raise UserError("A name of pictures is empty, as from an unset variable: name files, folders or patterns.")
    found = NamedPictures()
    for name in names:
        if name == LIST:
            found.parts.append(_listed(listed, found.left_out))
            found.count = None
            continue
        path = _path(name)
        matches = [path]
        if any(one in name for one in WILDCARDS) and not os.path.lexists(path):
            matches = _matches(path)
            if not matches:
                found.left_out.append(f"No file matches '{shown(name)}'.")
        for match in matches:
            part = _Folder(match, found.left_out) if _is_folder(match) else [match]
            found.parts.append(part)
            found.count = None if found.count is None else found.count + len(part)
    if found.count == 0:
        raise found.nothing()
    return found


class _Folder:
    """The pictures in a folder. Their names are kept, because a path takes ten times the memory."""

    def __init__(self, folder: Path, left_out: list[str]) -> None:
        self.folder = folder
        pictures, skipped = find_pictures(folder)
        others = [one for one in skipped if one.name]  # An empty folder is listed without a name.
        self.names = [picture.name for picture in pictures]
        where = shown(folder)
        number = number_of(sum(one.files for one in others), "file or folder", "files or folders")
        example = f"{number}, such as {others[0].name}: {others[0].reason}" if others else ""
        if not pictures:
            left_out.append(f"Folder '{where}' contains no pictures{f', but {example}' if others else ''}.")
        elif others:
            left_out.append(f"Left out of '{where}': {example}.")

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[Path]:
        return (self.folder / name for name in self.names)


def _path(name: str) -> Path:
    """The path, also one that the system refuses, because reading it later reports the reason."""
    try:
        return user_path(name)
    except UserError:
        return Path(name)


def _is_folder(path: Path) -> bool:
    return os.path.isdir(path)  # noqa: PTH112 (Path.is_dir raises for paths that are too long.)


def _matches(pattern: Path) -> list[Path]:
    """The files and folders that match a pattern, as a shell does: `*` and `**` match no hidden names.

    Nothing in a matching folder is listed, because the folder is searched itself. `**` follows no links to folders,
    which may lead in circles.
    """
    kept: list[Path] = []
    # `Path.glob` takes no absolute pattern, and `**` only as a whole name.
    parts = [one if one == "**" else re.sub(r"\*+", "*", one) for one in pattern.relative_to(pattern.anchor).parts]
    for match in sorted(Path(pattern.anchor).glob("/".join(parts))):
        hidden = any(one.startswith(".") for one in match.parts if one not in parts)
        if hidden and not any(one.startswith(".") for one in parts):
            continue
        if not (kept and match.is_relative_to(kept[-1]) and _is_folder(kept[-1])):
            kept.append(match)
    return kept


def _listed(names: Iterable[str], left_out: list[str]) -> Iterator[Path]:
    for line in names:
        name = line.rstrip("\r\n")
        if name:
            path = _path(name)
            yield from _Folder(path, left_out) if _is_folder(path) else [path]
