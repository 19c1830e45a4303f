"""Cheap measures of how images look, taken while they are written: a few numbers per image.

The audit of the images uses them, so that it needs no second pass over the pixels.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.float32]
"""Grey levels of images, n × height × width."""
FREQUENCIES = 8
"""Frequencies of each axis in a perceptual hash, which has 64 bits."""
THUMBNAIL = 8
"""Side of a thumbnail in pixels."""
TOGETHER = 32
"""Images that are measured at a time; their grey levels stay in the cache of the processor."""


class Appearance(NamedTuple):
    """Measures of n images, of their grey levels 0..255.

    hashes: a perceptual hash of each image, uint64.
    thumbnails: the image reduced to 8 × 8 by area averaging, uint8, n × 64.
    deviation: the standard deviation of the grey levels, float32.
    clipped: the share of pixels that are black (0) or white (255) in all channels, float32.
    detail: the mean absolute second difference of pixels, divided by `deviation`, float32; 0 for a blank image.
    """

    hashes: NDArray[np.uint64]
    thumbnails: NDArray[np.uint8]
    deviation: NDArray[np.float32]
    clipped: NDArray[np.float32]
    detail: NDArray[np.float32]

    def of(self, rows: slice) -> "Appearance":
        """The measures of some rows, as views."""
        return Appearance(
            self.hashes[rows], self.thumbnails[rows], self.deviation[rows], self.clipped[rows], self.detail[rows]
        )


def empty_appearance(count: int) -> Appearance:
    """Arrays for `count` images, to be filled in blocks."""
    measures = (np.empty(count, np.float32) for _ in range(3))
    return Appearance(np.empty(count, np.uint64), np.empty((count, THUMBNAIL**2), np.uint8), *measures)


def measure_appearance(pixels: NDArray[np.uint8], results: Appearance) -> None:
    """Measure images (n, height, width, channels), and write the measures into `results`, arrays for n images."""
    weights = np.full(pixels.shape[3], 1 / pixels.shape[3], np.float32)
    for start in range(0, len(pixels), TOGETHER):
        rows = slice(start, start + TOGETHER)
        grey: Grey = np.matmul(pixels[rows], weights, dtype=np.float32)
        flat = grey.reshape(len(grey), -1)
        deviation = flat.std(axis=1)
        results.hashes[rows] = perceptual_hashes(grey)
        results.thumbnails[rows] = np.rint(_reduced(grey)).reshape(len(grey), -1)
        results.deviation[rows] = deviation
        results.clipped[rows] = (np.abs(flat - 127.5) >= 127.499).mean(axis=1)
        results.detail[rows] = _roughness(grey) / np.where(deviation > 0, deviation, 1)


def perceptual_hashes(grey: Grey) -> NDArray[np.uint64]:
    """The perceptual hash of each of n grey images (n, height, width), 64 bits each.

    Bit i is 1 if coefficient i of the discrete cosine transform exceeds the median of the 8 × 8 lowest frequencies
    (Zauner 2010, "Implementation and benchmarking of perceptual image hash functions", section 3.2.1).
    """
    down, across = (_cosines(size) for size in grey.shape[1:])
    low = (down @ grey @ across.T).reshape(len(grey), -1)
    bits = low > np.median(low, axis=1, keepdims=True)
    return np.packbits(bits, axis=1).view(">u8")[:, 0].astype(np.uint64)


def _reduced(grey: Grey) -> Grey:
    """Images (n, height, width) reduced to thumbnails by area averaging."""
    down, across = (averages(size, THUMBNAIL) for size in grey.shape[1:])
    reduced: Grey = np.matmul(down @ grey, across.T, dtype=np.float32)
    return reduced


def _roughness(grey: Grey) -> Grey:
    """The mean absolute second difference of pixels along both axes; 0 for images of fewer than 3 pixels."""
    total = np.zeros(len(grey), np.float32)
    for axis in (1, 2):
        if grey.shape[axis] > 2:
            total += np.abs(np.diff(grey, n=2, axis=axis)).mean(axis=(1, 2)) / 2
    return total


@cache
def _cosines(size: int) -> NDArray[np.float32]:
    """The lowest frequencies of the discrete cosine transform (type II) of `size` values: (8, size).

    Frequencies that `size` values do not have are 0.
    """
    frequency, place = np.arange(FREQUENCIES)[:, None], np.arange(size)
    waves = np.cos(np.pi * frequency * (2 * place + 1) / (2 * size))
    return np.where(frequency < size, waves, 0).astype(np.float32)


@cache
def averages(size: int, side: int) -> NDArray[np.float32]:
    """The share of each of `size` pixels in each of `side` equally long parts: (side, size), rows sum to 1."""
    starts = np.arange(side)[:, None] * size / side
    overlap = np.minimum(starts + size / side, np.arange(size) + 1) - np.maximum(starts, np.arange(size))
    return (overlap.clip(min=0) * side / size).astype(np.float32)
