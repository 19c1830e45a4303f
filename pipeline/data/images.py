"""Labelled images, as a data source returns them."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UserError
from pipeline.safe_text import visible

BLOCK = 2**22  # bytes at a time, so that images on disk never fill the memory


class Pixels(Protocol):
    """Images as uint8 of shape (n, height, width, channels): a NumPy array, or a file that is read in blocks."""

    @property
    def dtype(self) -> np.dtype:
        """`uint8`."""

    @property
    def shape(self) -> tuple[int, ...]:
        """`n`, height, width and channels."""

    def __len__(self) -> int:
        """Number of images."""

    def __getitem__(self, rows: slice, /) -> NDArray[np.uint8]:
        """Some of the images."""


class Skipped(NamedTuple):
    """A file, or a folder with this number of files, that a source does not use, with the reason."""

    name: str
    reason: str
    files: int = 1


@dataclass(frozen=True, eq=False)
class FileFacts:
    """What is known about the files of n pictures without their pixels, each of shape (n,)."""

    bytes: NDArray[np.int64]
    modified: NDArray[np.int64]  # nanoseconds
    width: NDArray[np.int64]  # in pixels, upright
    height: NDArray[np.int64]
    mode: NDArray[np.str_]  # of Pillow, such as RGB, L or I;16; with ";16" if the file has 16 bits per value
    format: NDArray[np.str_]  # of Pillow, such as JPEG
    frames: NDArray[np.int64]  # pages or frames in the file
    transparent: NDArray[np.bool_]
    lowest: NDArray[np.float64]  # of the values in the file, before they are scaled to 0..255
    highest: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LabelledImages:
    """Labelled images of one size, with their origin and licence.

    Raises:
        UserError: fewer than two classes, or a class without images.
        ValueError: shapes or types that do not match.
    """

    pixels: Pixels  # n, height, width, channels
    labels: NDArray[np.int64]  # n: index into classes
    classes: tuple[str, ...]
    groups: NDArray[np.str_]  # n: images of one group must not be separated by a split
    subgroups: NDArray[np.str_] | None  # n: strata of a split, and an additional input or output of some networks
    names: NDArray[np.str_]  # n: the names of images in messages
    source: str
    licence: str
    attribution: str  # the credit that a figure with these images must show
    notes: tuple[str, ...]  # limitations of the data, for readers of the results
    test: NDArray[np.bool_] | None = None  # n: the test set, if the source defines one
    validation: NDArray[np.bool_] | None = None  # n: the validation set, if the source defines one
    weights: NDArray[np.float32] | None = None  # n: how much an image counts in training
    numbers: NDArray[np.float32] | None = None  # n, m: numbers that belong to each image, an input of some networks
    number_names: tuple[str, ...] = ()  # m
    skipped: tuple[Skipped, ...] = ()
    files: FileFacts | None = None

    def __post_init__(self) -> None:
        """Check shapes, types and classes."""
        if self.pixels.dtype != np.uint8 or len(self.pixels.shape) != 4:
            raise ValueError(
                "`pixels` must be uint8 of shape (n, height, width, channels). "
                f"Received {self.pixels.dtype} of shape {self.pixels.shape}."
            )
        for field in ("labels", "groups", "subgroups", "names", "test", "validation", "weights"):
            values = getattr(self, field)
            if values is not None and values.shape != self.pixels.shape[:1]:
                raise ValueError(f"`{field}` must have shape ({len(self.pixels)},). Received {values.shape}.")
        if self.numbers is not None and self.numbers.shape != (len(self.pixels), len(self.number_names)):
            raise ValueError(
                f"`numbers` must have shape ({len(self.pixels)}, {len(self.number_names)}). "
                f"Received {self.numbers.shape}."
            )
        if len(self.classes) < 2:
            raise UserError(
                f"Images of source '{self.source}' must have at least two classes. Received {list(self.classes)}."
            )
        if len(set(self.classes)) < len(self.classes):
            raise ValueError(f"`classes` must not contain a name twice. Received {self.classes}.")
        if not set(np.unique(self.labels).tolist()) <= set(range(len(self.classes))):
            raise ValueError(
                f"`labels` must lie in 0..{len(self.classes) - 1}. Received {self.labels.min()}..{self.labels.max()}."
            )
        counts = np.bincount(self.labels, minlength=len(self.classes))
        for name, count in zip(self.classes, counts, strict=True):
            if count == 0:
                raise UserError(
                    f"Class '{name}' of source '{self.source}' has no image: add images or leave out the class."
                )


def printable(name: str) -> str:
    """The name of a file or class in one line: `visible`, with escapes for tabs and ends of lines as well.

    >>> printable("a\\nb")
    'a\\\\nb'
    """
    if name.isprintable():
        return name
    return re.sub("[\t\n\u2028\u2029]", lambda one: one[0].encode("unicode_escape").decode(), visible(name))


def blocks(pixels: Pixels) -> Iterator[NDArray[np.uint8]]:
    """The images in blocks of at most `BLOCK` bytes, or of one image if it is larger, in order."""
    count = max(BLOCK // math.prod(pixels.shape[1:]), 1)
    for start in range(0, len(pixels), count):
        yield pixels[start : start + count]
