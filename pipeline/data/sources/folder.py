"""Your own images, one folder per class: `path/<class name>/**/*.png`, `.jpg` and so on.

Folders with the names of splits may be above the class folders, such as `path/train/<class name>/…` and
`path/test/<class name>/…`. This predefined split is kept.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Unpack

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from pipeline.data.images import LabelledImages, Skipped, printable
from pipeline.data.labelling import Division, check_no_class_lost, division_of, labels_of, listed, parts_of
from pipeline.data.pictures.decoded import Picture
from pipeline.data.pictures.listing import Found, find_pictures
from pipeline.data.pictures.picture_options import PictureOptions, read
from pipeline.data.user_paths import user_path
from pipeline.errors import UserError

LAYOUT = "images must be in one folder for each class, such as cats/tom.jpg and dogs/rex.jpg"
OWN_GROUPS = (
    "Every picture is its own group. If several pictures show the same object, set option 'group_pattern', so that a "
    "split does not separate them."
)


def load(
    *,
    path: Annotated[str, Field(min_length=1)],
    group_pattern: str | None = None,
    positive: str | None = None,
    all_pages: bool = False,
    **options: Unpack[PictureOptions],
) -> LabelledImages:
    """Load all pictures below `path`.

    Classes are the names of the folders in `path`. `group_pattern` is a regular expression that is searched in the path
    of each picture relative to `path`, with forward slashes. The picture's group is the text that the first
    parenthesised part matches, or the whole match if there are no parentheses. Without a pattern, each picture is its
    own group. `positive` is the class that scores such as recall refer to, by default the rarer of two classes. With
    `all_pages`, each page of a TIFF file is a picture; those of a file are one group.

    Raises:
        UserError: another folder layout, an unreadable picture, or a picture for which the pattern finds no group.
    """
    root = user_path(path)
    if not root.is_dir():
        raise UserError(f"Folder '{root}' of data source folder does not exist: {LAYOUT}; set option 'path' to it.")
    found = find_pictures(root, all_pages=all_pages)
    divided = parts_of(
        {picture.name.partition("/")[0] for picture in found.pictures if "/" in picture.name},
        among=f"folders in '{root}'",
    )
    classed, misplaced = by_class(found.pictures, 1 if divided else 0)
    _check_classes(root, classed)
    seen = read(root, list(classed), options, all_pages=all_pages)
    pictures = [picture for picture, good in zip(classed, seen.readable, strict=True) if good]
    check_no_class_lost(classed.values(), [classed[picture] for picture in pictures], place=f"'{root}'")
    classes, labels, notes = labels_of([classed[picture] for picture in pictures], positive)
    groups = np.array([picture.name for picture in pictures])
    division = division_of([divided[picture.name.partition("/")[0]] for picture in pictures]) if divided else Division()
    return LabelledImages(
        pixels=seen.pixels,
        labels=labels,
        classes=classes,
        groups=groups if group_pattern is None else _groups(groups, group_pattern),
        subgroups=None,
        names=np.array([_name(picture) for picture in pictures]),
        source="folder",
        licence="not stated",
        attribution=f"Pictures: {root.name}",
        notes=(*seen.notes, *([OWN_GROUPS] if group_pattern is None else []), *notes, *division.notes),
        test=division.test,
        validation=division.validation,
        skipped=(*found.skipped, *misplaced, *seen.skipped),
        files=seen.files,
    )


def watched(*, path: str, **_: object) -> list[Path]:
    """All files below `path` that are pictures or are listed as skipped."""
    root = user_path(path)
    found = find_pictures(root) if root.is_dir() else Found([], [])
    skipped = (root / name for name, _, _ in found.skipped)
    return [*(root / picture.name for picture in found.pictures), *(file for file in skipped if file.is_file())]


def by_class(pictures: Sequence[Picture], depth: int) -> tuple[dict[Picture, str], list[Skipped]]:
    """The class of each picture, the folder at this depth of its path; and the pictures outside class folders."""
    classed, misplaced = {}, []
    for picture in pictures:
        folders = picture.name.split("/")[:-1]
        if len(folders) > depth:
            classed[picture] = folders[depth]
        else:
            misplaced.append(Skipped(printable(picture.name), "outside the class folders"))
    return classed, misplaced


def _check_classes(root: Path, classed: Mapping[Picture, str]) -> None:
    names = set(classed.values())
    if len(names) >= 2:
        return
    hint = ""
    inner = {parts[1] for picture in classed if len(parts := picture.name.split("/")) > 2}
    if len(inner) >= 2:
        (outer,) = {picture.name.partition("/")[0] for picture in classed}
        hint = f" To use the folders in '{root / outer}', set option 'path' to it."
    raise UserError(
        f"Folder '{root}' must hold at least two class folders: {LAYOUT}. Found {listed(names) or 'none'}.{hint}"
    )


def _name(picture: Picture) -> str:
    name = printable(picture.name)
    return f"{name}#{picture.page + 1}" if picture.page else name


def _groups(names: NDArray[np.str_], pattern: str) -> NDArray[np.str_]:
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise UserError(
            f"Option 'group_pattern' of data source folder must be a regular expression ({error}). "
            f"Received {pattern!r}."
        ) from error
    groups, ungrouped = [], []
    for name in names.tolist():
        match = expression.search(name)
        group = match and match.group(1 if expression.groups else 0)
        if group:
            groups.append(group)
        else:
            ungrouped.append(name)
    if ungrouped:
        more = f" and {len(ungrouped) - 1:,} more have" if len(ungrouped) > 1 else " has"
        raise UserError(
            f"Picture '{printable(ungrouped[0])}'{more} no group: option 'group_pattern' of data source folder finds "
            f"nothing in its path. Received {pattern!r}; change the pattern or the file's name."
        )
    return np.array(groups)
