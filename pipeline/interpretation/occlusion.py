"""Occlusion (Zeiler & Fergus 2014, section 4.2): which parts of a picture a prediction depends on.

A patch of the mean training grey level slides over the picture. Where it hides what the network needs, the probability
of the class drops. Any function from pixels to probabilities can be examined, so no gradient and no TensorFlow is
needed.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

PATCH, STRIDE = 1 / 4, 1 / 12
"""Side and step of the patch as shares of each side of the picture: about 200 predictions."""
TOGETHER, BYTES = 64, 2**26
"""Pictures that are predicted at a time: at most this many, and at most this many bytes."""

Probabilities = Callable[[NDArray[np.uint8]], NDArray[np.floating]]
"""From pixels (n, height, width, channels) to probabilities (n, classes)."""


def occlusion_map(
    probabilities: Probabilities,
    pixels: NDArray[np.uint8],
    label: int,
    *,
    fill: Sequence[float],
    patch: float = PATCH,
    stride: float = STRIDE,
) -> NDArray[np.float32]:
    """The mean drop of the class's probability over all patches that cover a pixel, shape (height, width).

    Positive where the prediction depends on the pixel, negative where hiding it makes the class more probable. Patches
    also overlap the border, so that every pixel is covered by about as many patches.

    Args:
        probabilities: the function to examine.
        pixels: one picture, shape (height, width, channels).
        label: index of the class.
        fill: grey level 0 to 255 of the patch in each channel, usually the mean of the training pixels.
        patch: side of the patch as a share of the height and of the width, above 0 and at most 1.
        stride: distance between two patches as such a share, above 0 and at most `patch`.

    Raises:
        ValueError: a share is outside its range.
    """
    if not 0 < stride <= patch <= 1:
        raise ValueError(
            f"`stride` and `patch` must satisfy 0 < stride <= patch <= 1. Received stride={stride}, patch={patch}."
        )
    height, width = pixels.shape[:2]
    windows = list(product(_spans(height, patch, stride), _spans(width, patch, stride)))
    original = float(probabilities(pixels[np.newaxis])[0, label])
    level = np.rint(fill).astype(np.uint8)
    total, covered = np.zeros((height, width)), np.zeros((height, width))
    for some in _batches(windows, pixels.nbytes):
        hidden = np.repeat(pixels[np.newaxis], len(some), axis=0)
        for picture, (rows, columns) in zip(hidden, some, strict=True):
            picture[rows, columns] = level
        for (rows, columns), probability in zip(some, probabilities(hidden)[:, label], strict=True):
            total[rows, columns] += original - float(probability)
            covered[rows, columns] += 1
    return (total / covered).astype(np.float32)


def _spans(size: int, patch: float, stride: float) -> list[slice]:
    """The pixels of one axis that each position of the patch covers; every pixel is covered.

    >>> _spans(4, 0.5, 0.25)
    [slice(0, 1, None), slice(0, 2, None), slice(1, 3, None), slice(2, 4, None), slice(3, 4, None)]
    """
    side, step = max(1, round(size * patch)), max(1, round(size * stride))
    step = min(step, side)
    return [slice(max(start, 0), min(start + side, size)) for start in range(step - side, size, step)]


def _batches(windows: Sequence[tuple[slice, slice]], size: int) -> Iterator[Sequence[tuple[slice, slice]]]:
    count = max(1, min(TOGETHER, BYTES // size))
    for start in range(0, len(windows), count):
        yield windows[start : start + count]
