"""Your own images, one folder per class: `path/<class name>/**/*.png`, `.jpg` and so on."""

import re
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from pydantic import Field

from pipeline.data.images import LabelledImages
from pipeline.errors import UserError

SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
LAYOUT = "images must be in one folder for each class, such as cats/tom.jpg and dogs/rex.jpg"

Side = Annotated[int, Field(ge=1)]


def load(
    *,
    path: Annotated[str, Field(min_length=1)],
    size: Side | tuple[Side, Side] = 64,
    channels: Literal[1, 3] = 3,
    group_pattern: str | None = None,
) -> LabelledImages:
    """Load all images below `path`, resized to `size` pixels (the side length, or height and width).

    Classes are the names of the folders in `path`, sorted. `group_pattern` is a regular expression that is searched in
    the path of each image relative to `path`, with forward slashes. The image's group is the text that the first
    parenthesised part matches, or the whole match if there are no parentheses. Without a pattern, each image is its own
    group.

    Raises:
        UserError: another folder layout, an unreadable image, or an image for which the pattern finds no group.
    """
    root = Path(path).expanduser()
    by_class = _pictures(root)
    files = [file for pictures in by_class.values() for file in pictures]
    for file in files:
        if not _is_text(str(file)):
            raise UserError(f"The name of picture {str(file)!a} is not valid UTF-8: rename the file.")
    names = np.array([file.relative_to(root).as_posix() for file in files])
    groups = names if group_pattern is None else _groups(names, group_pattern)
    height, width = (size, size) if isinstance(size, int) else size
    # One image after the other, so that only one is in memory at full size.
    pixels = np.empty((len(files), height, width, channels), np.uint8)
    stretched = 0
    for row, file in enumerate(files):
        picture = _read(file, channels)
        stretched += picture.width * height != picture.height * width
        pixels[row] = _resized(picture, height, width).reshape(height, width, channels)
    notes = []
    if group_pattern is None:
        notes.append("Each picture counts as its own group: pictures of one object fall on both sides of a split.")
    if stretched:
        notes.append(f"{stretched} of {len(files)} pictures had another ratio of sides and were stretched.")
    return LabelledImages(
        pixels=pixels,
        labels=np.repeat(np.arange(len(by_class)), [len(pictures) for pictures in by_class.values()]),
        classes=tuple(by_class),
        groups=groups,
        subgroups=None,
        names=names,
        source="folder",
        licence="not stated",
        attribution=f"Pictures: {root.name}",
        notes=tuple(notes),
    )


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def watched(*, path: str, **_: object) -> list[Path]:
    """All files below `path`."""
    return sorted(file for file in Path(path).expanduser().rglob("*") if file.is_file())


def _pictures(root: Path) -> dict[str, list[Path]]:
    """The image files of each class; classes and files are sorted."""
    if not root.is_dir():
        raise UserError(f"Folder '{root}' of data source folder does not exist: {LAYOUT}; set option 'path' to it.")
    classes = sorted(entry for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    if len(classes) < 2:
        found = ", ".join(f"'{entry.name}'" for entry in classes) or "none"
        raise UserError(f"Folder '{root}' must hold at least two class folders: {LAYOUT}. Found {found}.")
    loose = [entry.name for entry in sorted(root.iterdir()) if _is_picture(entry)]
    if loose:
        raise UserError(f"Picture '{loose[0]}' is outside the class folders of '{root}': {LAYOUT}; move it into one.")
    by_class = {
        entry.name: sorted((file for file in entry.rglob("*") if _is_picture(file)), key=Path.as_posix)
        for entry in classes
    }
    for name, pictures in by_class.items():
        if not pictures:
            kinds = ", ".join(sorted(SUFFIXES))
            raise UserError(f"Class folder '{root / name}' holds no picture ({kinds}): add pictures or remove it.")
    return by_class


def _is_picture(file: Path) -> bool:
    # Names that begin with a dot belong to the operating system, such as the ._ files of macOS.
    return file.suffix.lower() in SUFFIXES and not file.name.startswith(".") and file.is_file()


def _groups(names: NDArray[np.str_], pattern: str) -> NDArray[np.str_]:
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise UserError(
            f"Option 'group_pattern' of data source folder must be a regular expression ({error}). "
            f"Received {pattern!r}."
        ) from error
    groups = []
    for name in names.tolist():
        match = expression.search(name)
        group = match and match.group(1 if expression.groups else 0)
        if not group:
            raise UserError(
                f"Picture '{name}' has no group: option 'group_pattern' of data source folder finds nothing in its "
                f"path. Received {pattern!r}; change the pattern or the file's name."
            )
        groups.append(group)
    return np.array(groups)


def _read(file: Path, channels: int) -> Image.Image:
    """Read an image upright in 8 bits, as grey or RGB; transparent pixels become white."""
    try:
        with Image.open(file) as opened:
            upright = ImageOps.exif_transpose(opened)
            return _eight_bits(upright).convert("L" if channels == 1 else "RGB")
    except Exception as error:  # Decoders raise nearly any exception, from OSError to struct.error.
        raise UserError(f"Picture '{file}' cannot be read: {error}; replace or remove it.") from error


def _eight_bits(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I;16") or picture.mode == "I":
        values = np.asarray(picture).astype(np.int64)
        if values.min() < 0 or values.max() > 65535:
            raise ValueError("grey values must lie in 0..65535")
        return Image.fromarray((values // 257).astype(np.uint8))
    if picture.mode == "F":
        raise ValueError("grey values must be integers of 8 or 16 bits, not floating point")
    if picture.has_transparency_data:
        layer = picture.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    return picture


def _resized(picture: Image.Image, height: int, width: int) -> NDArray[np.uint8]:
    # Area averaging is exact when shrinking; when enlarging it would only repeat pixels.
    shrinks = height <= picture.height and width <= picture.width
    method = Image.Resampling.BOX if shrinks else Image.Resampling.BILINEAR
    return np.asarray(picture.resize((width, height), method))
