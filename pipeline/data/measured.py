"""What is measured of all images in one pass over their pixels, while they are written."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.console import Progress
from pipeline.data.appearance import Appearance, empty_appearance, measure_appearance
from pipeline.data.images import Pixels, blocks
from pipeline.data.pixel_file import image_digests, write_pixels


class Measured(NamedTuple):
    """Values of n images.

    digests: SHA-256 of shape and pixels of each image, uint8, n × 32.
    sums, squares: of the pixel values of each image, int64, n × channels; integers are exact in any order of addition.
    pixel_digest: SHA-256 of the shape and the pixels of all images, to be continued.
    appearance: measures for the audit.
    """

    digests: NDArray[np.uint8]
    sums: NDArray[np.int64]
    squares: NDArray[np.int64]
    pixel_digest: "hashlib._Hash"
    appearance: Appearance


def channel_sums(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The sums of the pixel values and of their squares over each image, both n × channels."""
    count, height, width, channels = pixels.shape
    rows = pixels.reshape(count, height, width * channels)
    # The narrowest type that holds the sum of a column of squares is the fastest.
    wide = np.uint32 if height * 255**2 < 2**32 else np.int64

    def over_image(values: NDArray[Any]) -> NDArray[np.int64]:
        # First over the rows of pixels, whose values lie side by side: this is several times faster than by channel.
        columns = values.sum(axis=1, dtype=wide)
        sums: NDArray[np.int64] = columns.reshape(count, width, channels).sum(axis=1, dtype=np.int64)
        return sums

    return over_image(rows), over_image(np.multiply(rows, rows, dtype=np.uint16))


def write_measured(file: Path, pixels: Pixels) -> Measured:
    """Write images to a `.npy` file and measure them."""
    count, height, width, channels = pixels.shape
    digests = np.empty((count, 32), np.uint8)
    sums, squares = np.empty((2, count, channels), np.int64)
    looks = empty_appearance(count)
    pixel_digest = hashlib.sha256(np.array(pixels.shape, "<i8").tobytes())

    progress = Progress(count, "images written")

    def measured() -> Iterator[NDArray[np.uint8]]:
        start = 0
        for block in blocks(pixels):
            rows = slice(start, start + len(block))
            pixel_digest.update(block.tobytes())
            digests[rows] = image_digests(block)
            sums[rows], squares[rows] = channel_sums(block)
            measure_appearance(block, looks.of(rows))
            yield block
            start += len(block)
            progress.advance(len(block))
        progress.close()

    write_pixels(file, (count, height, width, channels), measured())
    return Measured(digests, sums, squares, pixel_digest, looks)
