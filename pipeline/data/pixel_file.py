"""Pixels in a `.npy` file, written and read in blocks, so that more images than fit into memory can be used.

A memory-mapped file would count towards the memory of the process as soon as it is read. These reads do not.
"""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.lib import format as npy
from numpy.typing import ArrayLike, NDArray

from pipeline.storage.files import damaged

Pixels = NDArray[np.uint8]


class PixelFile:
    """The images of a `.npy` file: uint8 of shape (n, height, width, channels), read when they are indexed.

    Index with a number, a slice or an array of numbers, as a NumPy array. The result is a new array. With `digests`
    (`image_digests`, n × 32), each image is compared with its digest when it is read for the first time.

    Raises:
        ValueError: the file is not a `.npy` file of such images, or is truncated.
        UserError: a read image differs from its digest.
    """

    dtype = np.dtype(np.uint8)

    def __init__(self, path: Path, digests: NDArray[np.uint8] | None = None) -> None:
        """Open the file and read its header."""
        self._path, self._digests = path, digests
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        with open(self._file, "rb", closefd=False) as stream:
            version = npy.read_magic(stream)
            read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
            self.shape, by_column, dtype = read_header(stream)
            self._start = stream.tell()
        if dtype != self.dtype or by_column or len(self.shape) != 4:
            raise ValueError(f"{path} must hold uint8 of shape (n, height, width, channels). Received {dtype}.")
        self._bytes = int(np.prod(self.shape[1:]))
        if os.fstat(self._file).st_size != self._start + self.shape[0] * self._bytes:
            raise ValueError(f"{path} must hold {self.shape[0]} images. It is truncated or too long.")
        if digests is not None and digests.shape != (len(self), 32):
            raise ValueError(f"{path} must hold {len(digests)} images. Received {len(self)}.")
        self._unchecked = np.full(len(self), digests is not None)

    def __del__(self) -> None:
        """Close the file."""
        if hasattr(self, "_file"):
            os.close(self._file)

    def __len__(self) -> int:
        """Number of images."""
        return int(self.shape[0])

    def __getitem__(self, rows: int | slice | ArrayLike) -> Pixels:
        """Read images: one (height, width, channels), or several (m, height, width, channels)."""
        if isinstance(rows, slice):
            first, last, step = rows.indices(len(self))
            if step == 1:
                return self._read(first, max(last - first, 0))
            rows = np.arange(first, last, step)
        chosen = np.asarray(rows)
        if chosen.dtype == bool:
            chosen = np.flatnonzero(chosen)
        if chosen.ndim == 0:
            image: Pixels = self._read(int(chosen), 1)[0]
            return image
        images = np.empty((len(chosen), *self.shape[1:]), np.uint8)
        for image, row in zip(images, chosen.tolist(), strict=True):
            self._fill(image, row)
        self._check(images, chosen)
        return images

    def __array__(self, dtype: np.dtype | None = None, copy: bool | None = None) -> NDArray[np.uint8]:
        """Read all images."""
        images = self[:]
        return images if dtype is None else images.astype(dtype)

    def _read(self, first: int, count: int) -> Pixels:
        images = np.empty((count, *self.shape[1:]), np.uint8)
        self._fill(images, first)
        first %= max(len(self), 1)
        self._check(images, slice(first, first + count))
        return images

    def _fill(self, images: Pixels, first: int) -> None:
        """Read consecutive images from the one with number `first` into an array."""
        if first < 0:
            first += len(self)
        count = images.size // self._bytes if self._bytes else 0
        if not 0 <= first <= len(self) - count:
            raise IndexError(f"The file has {len(self)} images. Received {first}.")
        place, left = self._start + first * self._bytes, memoryview(images.data).cast("B")
        # The kernel reads at most 2 GiB at once.
        while len(left):
            read = os.preadv(self._file, [left], place)
            if read == 0:
                raise ValueError("The file of pixels was truncated while it was read.")
            place, left = place + read, left[read:]

    def _check(self, images: Pixels, rows: slice | NDArray[np.int64]) -> None:
        """Compare images with their digests unless all have been compared before."""
        if self._digests is None or not self._unchecked[rows].any():
            return
        if not np.array_equal(image_digests(images), self._digests[rows]):
            raise damaged(self._path)
        self._unchecked[rows] = False


def image_digests(pixels: Pixels) -> NDArray[np.uint8]:
    """SHA-256 of shape and pixels of each of n images, n × 32."""
    shape = np.array(pixels.shape[1:], "<i8").tobytes()
    digests = [hashlib.sha256(shape + image.tobytes()).digest() for image in pixels]
    return np.frombuffer(b"".join(digests), np.uint8).reshape(-1, 32)


IndexedPixels = PixelFile | Pixels
"""Images that can be indexed, in a file or in memory."""


def write_pixels(path: Path, shape: tuple[int, int, int, int], blocks: Iterable[Pixels]) -> None:
    """Write blocks of images one after the other as one `.npy` file of this shape (n, height, width, channels)."""
    with path.open("wb") as stream:
        npy.write_array_header_1_0(
            stream, {"descr": npy.dtype_to_descr(PixelFile.dtype), "fortran_order": False, "shape": shape}
        )
        for block in blocks:
            stream.write(np.ascontiguousarray(block).data)
