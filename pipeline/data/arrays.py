"""Images that a source has as arrays, in one or several parts, in memory or in a file that is read in slices."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.data.images import LabelledImages
from pipeline.data.labelling import division_of
from pipeline.data.splits import TRAIN
from pipeline.errors import UserError


class ArrayPart(NamedTuple):
    """A part of a split: images (m, height, width) or (m, height, width, channels), and labels of m values."""

    images: Any
    labels: Any
    part: int


class JoinedPixels:
    """The images of several parts, one after the other, uint8 of shape (n, height, width, channels)."""

    dtype = np.dtype(np.uint8)

    def __init__(self, parts: Sequence[Any], size: int | None) -> None:
        """Read from these arrays, resized to squares of `size` pixels if it is given."""
        self._parts = parts
        self._size = size
        height, width, *channels = parts[0].shape[1:]
        side = (height, width) if size is None else (size, size)
        self.shape: tuple[int, ...] = (sum(len(part) for part in parts), *side, *(channels or [1]))

    def __len__(self) -> int:
        """Number of images."""
        return self.shape[0]

    def __getitem__(self, rows: slice) -> NDArray[np.uint8]:
        """Read some of the images; the step must be 1."""
        first, last, _ = rows.indices(len(self))
        found, start = [], 0
        for part in self._parts:
            some = part[max(first - start, 0) : max(last - start, 0)]
            found.append(np.asarray(some).reshape(len(some), *part.shape[1:3], -1))
            start += len(part)
        images = np.concatenate(found)
        return images if self._size is None else np.stack([_resized(image, self._size) for image in images])


def labelled_arrays(
    parts: Sequence[ArrayPart],
    *,
    file: Path,
    source: str,
    classes: Sequence[str],
    size: int | None,
    found: Sequence[str],
) -> LabelledImages:
    """The images of all parts, whose division is kept.

    Args:
        parts: the parts; none if the file has another layout.
        file: where they come from, for messages.
        source: the name of the source.
        classes: the names of the classes by label; by default the labels.
        size: the side length in pixels, by default the one in the file.
        found: what the file contains, for messages.

    Raises:
        UserError: no parts, or arrays of other shapes or types.
    """
    if not parts:
        raise UserError(
            f"'{file}' does not have the layout of data source {source} (`convtrack prepare data={source}` describes "
            f"it in conf/data/{source}.yaml). It contains {', '.join(found) or 'nothing'}."
        )
    for one in parts:
        _check(one, parts[0], file)
    labels = np.concatenate([np.asarray(one.labels).reshape(-1) for one in parts]).astype(np.int64)
    names = tuple(classes) or tuple(str(label) for label in range(int(labels.max()) + 1))
    if labels.min() < 0 or labels.max() >= len(names):
        raise UserError(
            f"Labels of '{file}' must lie in 0..{len(names) - 1}, because option 'classes' names {len(names)} classes. "
            f"Received {labels.min()}..{labels.max()}."
        )
    divided = {one.part for one in parts} > {TRAIN}
    division = division_of(np.repeat([one.part for one in parts], [len(one.images) for one in parts]).tolist())
    rows = np.array([f"{file.stem}-{row:06d}" for row in range(len(labels))])
    return LabelledImages(
        pixels=JoinedPixels([one.images for one in parts], size),
        labels=labels,
        classes=names,
        groups=rows,
        subgroups=None,
        names=rows,
        source=source,
        licence="not stated",
        attribution=f"Pictures: {file.name}",
        notes=division.notes if divided else (),
        test=division.test if divided else None,
        validation=division.validation if divided else None,
    )


def _check(one: ArrayPart, first: ArrayPart, file: Path) -> None:
    shape = one.images.shape
    if one.images.dtype != np.uint8 or len(shape) not in (3, 4) or (len(shape) == 4 and shape[3] not in (1, 3)):
        raise UserError(
            f"Images in '{file}' must be uint8 of shape (n, height, width) or (n, height, width, channels) with 1 or 3 "
            f"channels. Received {one.images.dtype} of shape {shape}."
        )
    if shape[1:] != first.images.shape[1:]:
        raise UserError(
            f"All images in '{file}' must have one shape. Received {first.images.shape[1:]} and {shape[1:]}."
        )
    if np.asarray(one.labels).size != len(one.images) or np.asarray(one.labels).dtype.kind not in "iu":
        raise UserError(
            f"Labels in '{file}' must be one integer for each of {len(one.images)} images. "
            f"Received {np.asarray(one.labels).dtype} of shape {np.asarray(one.labels).shape}."
        )


def _resized(image: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    grey = image.shape[2] == 1
    picture = Image.fromarray(image[:, :, 0] if grey else image)
    shrinks = size <= picture.height and size <= picture.width
    method = Image.Resampling.BOX if shrinks else Image.Resampling.BILINEAR
    return np.asarray(picture.resize((size, size), method)).reshape(size, size, -1)
