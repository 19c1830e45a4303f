"""The options of data sources that read picture files, and the labelled pictures that they return."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, TypedDict

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray
from PIL import ImageColor
from pydantic import AfterValidator, Field

from pipeline.data.images import FileFacts, Skipped
from pipeline.data.pictures.decode import Decoding, Resize
from pipeline.data.pictures.decoded import Picture
from pipeline.data.pictures.parallel_reading import StoredPixels, read_pictures
from pipeline.errors import UserError

Side = Annotated[int, Field(ge=1, le=8192)]
SHOWN = 10
"""At most this many unreadable files are named in a message."""


def _colour(name: str) -> str:
    ImageColor.getrgb(name)  # raises ValueError
    return name


def _range(limits: tuple[float, float] | None) -> tuple[float, float] | None:
    if limits is not None and not limits[0] < limits[1]:
        raise ValueError("the first value must be lower than the second")
    return limits


class PictureOptions(TypedDict, total=False):
    """How picture files are read; `Decoding` explains the fields that it shares.

    size: pixels of a side, or height and width.
    unreadable: whether unreadable files `stop` the preparation or are left out (`skip`).
    all_pages: whether each page of a TIFF file is a picture.
    """

    size: Side | tuple[Side, Side]
    channels: Literal[1, 3]
    resize: Resize
    background: Annotated[str, AfterValidator(_colour)]
    value_range: Annotated[tuple[float, float] | None, AfterValidator(_range)]
    largest: Annotated[int, Ge(1)]
    draft: bool
    unreadable: Literal["stop", "skip"]
    all_pages: bool


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


def read(root: Path, pictures: Sequence[Picture], options: PictureOptions) -> ReadPictures:
    """Decode the pictures of a source.

    Raises:
        UserError: pictures are unreadable, and `unreadable` is `stop`; or none is readable.
    """
    decoding = decoding_of(options)
    reading = read_pictures(root, pictures, decoding)
    if reading.problems and (options.get("unreadable", "stop") == "stop" or not len(reading.pixels)):
        listed = [f"\n  {picture.name}: {reason}" for picture, reason in reading.problems[:SHOWN]]
        more = f"\n  and {len(reading.problems) - SHOWN:,} more" if len(reading.problems) > SHOWN else ""
        raise UserError(
            f"{len(reading.problems):,} of {len(pictures):,} pictures in '{root}' cannot be read. Repair or remove "
            f"them, or leave them out with option 'unreadable: skip'.{''.join(listed)}{more}"
        )
    return ReadPictures(
        reading.pixels,
        reading.files,
        reading.readable,
        tuple(Skipped(picture.name, reason) for picture, reason in reading.problems),
        tuple(_notes(reading.files, decoding)),
    )


def _notes(files: FileFacts, decoding: Decoding) -> list[str]:
    notes = []
    count = len(files.width)
    reshaped = int((files.width * decoding.height != files.height * decoding.width).sum())
    if reshaped:
        done = {"stretch": "stretched", "crop": "cropped", "pad": "padded"}[decoding.resize]
        notes.append(f"{reshaped:,} of {count:,} pictures had another aspect ratio and were {done}.")
    paged = int((files.frames > 1).sum())
    if paged:
        notes.append(f"{paged:,} of {count:,} pictures have several pages or frames.")
    return notes
