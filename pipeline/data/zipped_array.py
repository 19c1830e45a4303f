"""Arrays in `.npz` files, read in slices, so that more images than fit into memory can be used."""

import math
from pathlib import Path
from zipfile import ZipFile, ZipInfo

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

DEFLATE = 1032
"""The best compression that the method of zip and gzip files reaches; a file that states more is damaged."""


class ZippedArray:
    """An array of an `.npz` file. Slices are read from the file; reading them in ascending order is fastest.

    Raises:
        ValueError: the array is damaged, is stored in Fortran order, or holds Python objects. They are never loaded,
            because loading them can run code.
    """

    def __init__(self, file: Path, name: str) -> None:
        """Read the header of the array with this name."""
        self._place = file, f"{name}.npy"
        self._archive: ZipFile | None = None
        with ZipFile(file) as archive, archive.open(f"{name}.npy") as stream:
            stated = archive.getinfo(f"{name}.npy")
            version = npy.read_magic(stream)
            read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
            self.shape, by_column, self.dtype = read_header(stream)
            self._start = stream.tell()
        self._bytes = math.prod(self.shape[1:]) * self.dtype.itemsize
        if self.dtype.hasobject:
            raise ValueError(f"array {name} holds Python objects, which can run code and are never loaded")
        if not self.shape:
            raise ValueError(f"array {name} is a single value")
        if by_column:
            raise ValueError(f"array {name} is stored in Fortran order: convert it with numpy.ascontiguousarray")
        if self._start + self.shape[0] * self._bytes != stated.file_size or not _plausible(stated, file):
            raise ValueError(f"array {name} is truncated or damaged")

    def __len__(self) -> int:
        """The first dimension."""
        return int(self.shape[0])

    def __getitem__(self, rows: slice) -> NDArray[np.generic]:
        """Read consecutive rows; the step must be 1. The file stays open until the last row has been read."""
        first, last, _ = rows.indices(len(self))
        last = max(first, last)
        if self._archive is None:
            file, name = self._place
            self._archive = ZipFile(file)
            self._stream = self._archive.open(name)
        try:
            self._stream.seek(self._start + first * self._bytes)
            content = self._stream.read((last - first) * self._bytes)
            return np.frombuffer(content, self.dtype).reshape(last - first, *self.shape[1:])
        except Exception:
            self.close()
            raise
        finally:
            if last == len(self):
                self.close()

    def __del__(self) -> None:
        """Close the file."""
        if hasattr(self, "_archive"):
            self.close()

    def close(self) -> None:
        """Close the file. The next read opens it again."""
        if self._archive is not None:
            self._stream.close()
            self._archive.close()
            self._archive = None


def _plausible(stated: ZipInfo, file: Path) -> bool:
    return stated.compress_size <= file.stat().st_size and stated.file_size <= DEFLATE * (stated.compress_size + 1)
