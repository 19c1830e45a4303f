"""The options of data sources that read picture files, and the labelled pictures that they return."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, TypedDict

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray
from PIL import ImageColor
from pydantic import AfterValidator, Field

from pipeline.counts import number_of
from pipeline.data.images import FileFacts, Skipped, printable
from pipeline.data.pictures.decode import DEEP_MODES, FULL_RANGE, Decoding, Resize
from pipeline.data.pictures.decoded import Picture
from pipeline.data.pictures.parallel_reading import StoredPixels, read_pictures
from pipeline.errors import UserError
from pipeline.storage.files import replacing
from pipeline.storage.folders import cache_folder

Side = Annotated[int, Field(ge=1, le=8192)]
SHOWN = 10
"""At most this many unreadable files are named in a message."""
FEW_GREYS = 32
"""A deep picture that keeps fewer grey levels is noted."""


def _colour(name: str) -> str:
    ImageColor.getrgb(name)  # raises ValueError
    return name


def _range(limits: tuple[float, float] | None) -> tuple[float, float] | None:
    if limits is not None and not limits[0] < limits[1]:
        raise ValueError("the first value must be lower than the second")
    return limits


CHANGED_ASPECT = 1.05
"""Factor between the aspect ratios of a picture and of its image from which a note mentions the change."""


class PictureOptions(TypedDict, total=False):
    """How picture files are read; `Decoding` explains the fields that it shares.

    size: pixels of a side, or height and width.
    unreadable: whether unreadable files `stop` the preparation or are left out (`skip`).
    """

    size: Side | tuple[Side, Side]
    channels: Literal[1, 3]
    resize: Resize
    background: Annotated[str, AfterValidator(_colour)]
    value_range: Annotated[tuple[float, float] | None, AfterValidator(_range)]
    largest: Annotated[int, Ge(1)]
    draft: bool
    unreadable: Literal["stop", "skip"]


class ReadPictures(NamedTuple):
    """The readable pictures of a source."""

    pixels: StoredPixels
    files: FileFacts
    readable: NDArray[np.bool_]  # of all pictures
    skipped: tuple[Skipped, ...]  # the unreadable ones
    notes: tuple[str, ...]


def decoding_of(options: PictureOptions) -> Decoding:
    """The settings for decoding one picture."""
    size = options.get("size", 64)
    height, width = (size, size) if isinstance(size, int) else size
    names = ("resize", "background", "value_range", "largest", "draft")
    return Decoding(
        height,
        width,
        options.get("channels", 3),
        **{name: options[name] for name in names if name in options},  # type: ignore[literal-required]
    )


def read(root: Path, pictures: Sequence[Picture], options: PictureOptions, *, all_pages: bool = False) -> ReadPictures:
    """Decode the pictures of a source. `all_pages` states that each page of a TIFF file is among them.

    Raises:
        UserError: pictures are unreadable, and `unreadable` is `stop`; or none is readable.
    """
    decoding = decoding_of(options)
    reading = read_pictures(root, pictures, decoding)
    problems = [Skipped(printable(picture.name), reason) for picture, reason in reading.problems]
    if problems and options.get("unreadable", "stop") == "stop":
        raise UserError(
            f"{len(problems):,} of {len(pictures):,} pictures in '{root}' cannot be read. Repair or remove "
            f"them, or leave them out with option 'unreadable: skip'.{in_lines(problems)}"
        )
    if not len(reading.pixels):
        raise UserError(f"None of {len(pictures):,} pictures in '{root}' can be read: repair them.{in_lines(problems)}")
    _check_range(reading.files, decoding, root)
    return ReadPictures(
        reading.pixels,
        reading.files,
        reading.readable,
        tuple(problems),
        tuple(_notes(reading.files, decoding, all_pages=all_pages)),
    )


def in_lines(problems: Sequence[Skipped]) -> str:
    """A line for each of the first problems; if there are others, also their number and a file that lists all."""
    lines = [f"{problem.name}: {problem.reason}" for problem in problems]
    shown = "".join(f"\n  {line}" for line in lines[:SHOWN])
    if len(lines) <= SHOWN:
        return shown
    file = cache_folder() / "unreadable.txt"
    with replacing(file) as unfinished:
        unfinished.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return f"{shown}\n  and {len(lines) - SHOWN:,} more; {file} lists all"


def _deep_grey(files: FileFacts) -> NDArray[np.bool_]:
    """Which files have one channel with more than 8 bits per value; `value_range` applies to them."""
    return np.char.startswith(files.mode, DEEP_MODES[0]) | np.char.startswith(files.mode, DEEP_MODES[1])


def _check_range(files: FileFacts, decoding: Decoding, root: Path) -> None:
    """Refuse pictures of 16 bits per value that use less than half of the range, unless `value_range` is set."""
    grey = _deep_grey(files)
    deep = grey | np.char.endswith(files.mode, ";16")
    if decoding.value_range is not None or not deep.any():
        return
    highest = files.highest[deep].max()
    if highest < FULL_RANGE[1] / 2:
        # Pillow keeps 8 of 16 bits of colours, so a range would not help.
        action = "convert them to 8 bits per value"
        if grey.any():
            action = f"set option 'value_range' to [0, {2 ** int(highest).bit_length() - 1}]"
        raise UserError(
            f"Pictures in '{root}' have 16 bits per value, but no value exceeds {highest:,.0f} of 65,535, so most of "
            f"their grey levels would be lost: {action}. If they are meant to be dark, set option 'value_range' to "
            "[0, 65535]."
        )


def _notes(files: FileFacts, decoding: Decoding, *, all_pages: bool) -> Iterator[str]:
    count = len(files.width)
    yield from _shape_notes(files, decoding)
    paged = int(((files.frames > 1) & ~((files.format == "TIFF") & all_pages)).sum())
    if paged:
        have = "has" if paged == 1 else "have"
        yield f"{paged:,} of {count:,} pictures {have} several pages or frames. Only the first one is used."
    transparent = int(files.transparent.sum())
    if transparent:
        yield f"{transparent:,} of {count:,} pictures can have transparent pixels, which become {decoding.background}."
    low, high = decoding.value_range or FULL_RANGE
    deep = _deep_grey(files)
    clipped = int((deep & ((files.lowest < low) | (files.highest > high))).sum())
    if clipped:
        have = "has" if clipped == 1 else "have"
        yield f"{clipped:,} of {count:,} pictures {have} values outside {low:g} to {high:g}, which are clipped."
    dark = int((deep & (files.highest - low < (high - low) * FEW_GREYS / 256)).sum())
    if dark:
        yield (
            f"Of {number_of(int(deep.sum()), 'picture')} with more than 8 bits per value, "
            f"{number_of(dark, 'keeps', 'keep')} at most {FEW_GREYS} grey levels, because the values are far below the "
            f"end of the range {low:g} to {high:g}: check option 'value_range'."
        )


def _shape_notes(files: FileFacts, decoding: Decoding) -> Iterator[str]:
    """How many pictures change their aspect ratio, and how much; small changes are not mentioned."""
    ratio = (files.width * decoding.height) / (files.height * decoding.width)
    factor = np.maximum(ratio, 1 / ratio)
    reshaped = factor > CHANGED_ASPECT
    if not reshaped.any():
        return
    # The longer side grows by this share, or loses the second share; padding adds the second share to the result.
    change = 100 * (factor[reshaped] - 1 if decoding.resize == "stretch" else 1 - 1 / factor[reshaped])
    median, most = (f"{value:,.0f} %" for value in (np.median(change), change.max()))
    amount = median if median == most else f"{median} in the median, {most} at most"
    number = int(reshaped.sum())
    done = {
        "stretch": f"{'was' if number == 1 else 'were'} stretched by {amount}",
        "crop": f"lost what the crop cuts off: {amount} of the picture",
        "pad": f"{'was' if number == 1 else 'were'} padded: {amount} of the image is background",
    }[decoding.resize]
    have = "has" if number == 1 else "have"
    yield f"{number:,} of {len(files.width):,} pictures {have} another aspect ratio than 'size' and {done}."
