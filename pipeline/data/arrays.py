"""Images that a source has as arrays, in one or several parts, in memory or in a file that is read in slices."""

import math
from collections.abc import Container, Iterable, Sequence
from pathlib import Path, PurePath
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.data.images import LabelledImages, printable
from pipeline.data.labelling import division_of, listed, positive_last
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

    def __init__(self, parts: Sequence[Any], size: int | None, file: Path) -> None:
        """Read from these arrays in a file, resized to squares of `size` pixels if it is given."""
        self._parts = parts
        self._file = file
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
        try:
            for part in self._parts:
                some = part[max(first - start, 0) : max(last - start, 0)]
                found.append(np.asarray(some).reshape(len(some), *part.shape[1:3], self.shape[3]))
                start += len(part)
        except Exception as error:  # Damaged files of each kind raise other exceptions.
            reason = " ".join(str(error).split()) or type(error).__name__
            raise UserError(
                f"Images {first:,} to {last - 1:,} of '{self._file}' cannot be read ({reason}): copy it again."
            ) from None
        images = np.concatenate(found)
        return images if self._size is None else np.stack([_resized(image, self._size) for image in images])


def labelled_arrays(
    parts: Sequence[ArrayPart],
    *,
    file: Path,
    source: str,
    classes: Sequence[str],
    positive: str | None,
    size: int | None,
    found: Sequence[str],
) -> LabelledImages:
    """The images of all parts, with the predefined split.

    Args:
        parts: the parts; none if the file has another layout.
        file: the file or folder that they come from.
        source: the name of the source.
        classes: the names of the classes by label; by default the labels that occur.
        positive: the class that scores such as recall refer to, by default the rarer of two classes.
        size: the side length in pixels, by default the one in the file.
        found: the names of arrays or files, for messages.

    Raises:
        UserError: no parts, or arrays of other shapes or types.
    """
    if not parts:
        raise UserError(_other_layout(file, source, found))
    for one in parts:
        _check(one, parts[0], file)
    names, labels = _labels(np.concatenate([_flat(one.labels, file) for one in parts]), classes, file)
    names, labels, notes = positive_last(names, labels, positive)
    divided = {one.part for one in parts} > {TRAIN}
    division = division_of(np.repeat([one.part for one in parts], [len(one.images) for one in parts]).tolist())
    rows = np.array([f"{file.stem}-{row:06d}" for row in range(len(labels))])
    return LabelledImages(
        pixels=JoinedPixels([one.images for one in parts], size, file),
        labels=labels,
        classes=names,
        groups=rows,
        subgroups=None,
        names=rows,
        source=source,
        licence="not stated",
        attribution=f"Pictures: {file.name}",
        notes=(*notes, *(division.notes if divided else ())),
        test=division.test if divided else None,
        validation=division.validation if divided else None,
    )


def check_paired(names: Container[str], pairs: Iterable[tuple[str, str]], *, place: Path) -> list[tuple[str, str]]:
    """The pairs of images and labels that are there.

    Raises:
        UserError: only one of a pair is there. Without this check, the whole part would be left out.
    """
    paired = []
    for pair in pairs:
        present = [name for name in pair if name in names]
        if len(present) == 1:
            (absent,) = set(pair) - set(present)
            raise UserError(
                f"'{place}' holds '{present[0]}' without '{absent}': add it, or remove '{present[0]}' to leave "
                "this part out."
            )
        if present:
            paired.append(pair)
    return paired


def _other_layout(file: Path, source: str, found: Sequence[str]) -> str:
    if any(PurePath(name).suffix in {".pkl", ".pickle"} or name.startswith("data_batch") for name in found):
        return (
            f"'{file}' holds pickle files. They are never loaded, because loading them can run code: convert them to "
            "an .npz file or to class folders."
        )
    return (
        f"'{file}' does not have the layout of data source {source}, which conf/data/{source}.yaml describes. It holds "
        f"{listed(found) or 'nothing'}."
    )


def _check(one: ArrayPart, first: ArrayPart, file: Path) -> None:
    shape = tuple(one.images.shape)
    if one.images.dtype != np.uint8 or len(shape) not in (3, 4) or (len(shape) == 4 and shape[3] not in (1, 3)):
        raise UserError(
            f"Images in '{file}' must be uint8 of shape (n, height, width) or (n, height, width, channels) with 1 or 3 "
            f"channels. Received {one.images.dtype} of shape {shape}."
        )
    if shape[1:] != tuple(first.images.shape[1:]):
        raise UserError(
            f"All images in '{file}' must have one shape. Received {tuple(first.images.shape[1:])} and {shape[1:]}."
        )
    if 0 in shape:
        raise UserError(f"Images in '{file}' must not be empty. Received shape {shape}.")
    if math.prod(one.labels.shape) != shape[0] or np.dtype(one.labels.dtype).kind not in "iu":
        raise UserError(
            f"Labels in '{file}' must be one integer for each of {shape[0]:,} images. "
            f"Received {one.labels.dtype} of shape {tuple(one.labels.shape)}: keep one label for each image."
        )


def _flat(labels: Any, file: Path) -> NDArray[np.int64]:
    """The labels of a part, n values."""
    try:
        return np.asarray(labels[:]).reshape(-1).astype(np.int64)
    except Exception as error:  # Damaged files of each kind raise other exceptions.
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"Labels in '{file}' cannot be read ({reason}): copy it again.") from None


def _labels(labels: NDArray[np.int64], classes: Sequence[str], file: Path) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """The names of the classes, and the class of each image."""
    if not classes:
        occurring, indices = np.unique(labels, return_inverse=True)
        return tuple(map(str, occurring.tolist())), indices
    if labels.min() < 0 or labels.max() >= len(classes):
        raise UserError(
            f"Labels of '{file}' must lie in 0..{len(classes) - 1}, because option 'classes' names {len(classes)} "
            f"classes. Received {labels.min()}..{labels.max()}."
        )
    if len(set(classes)) < len(classes):
        raise UserError(f"Option 'classes' must not contain a name twice. Received {', '.join(classes)}.")
    return tuple(map(printable, classes)), labels


def _resized(image: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    grey = image.shape[2] == 1
    picture = Image.fromarray(image[:, :, 0] if grey else image)
    shrinks = size <= picture.height and size <= picture.width
    method = Image.Resampling.BOX if shrinks else Image.Resampling.BILINEAR
    return np.asarray(picture.resize((size, size), method)).reshape(size, size, -1)
