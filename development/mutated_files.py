"""Mutated pictures, tables and arrays: reading must end with pixels or with a reason, quickly and in little memory.

    python -m development.mutated_files 5000          # the first 5,000 mutations: some seconds
    python -m development.mutated_files 100000 5000   # 100,000 others, from number 5,000

A mutation is determined by its number. The last number on the standard output is that of a crash or a hang.
"""

import gzip
import io
import os
import random
import resource
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import pandas as pd
from PIL import Image

from pipeline.data.images import blocks
from pipeline.data.pictures.decode import Decoding, decode
from pipeline.data.pictures.opening import Unreadable, pages
from pipeline.data.sources import load_images
from pipeline.errors import UserError

SECONDS, MEGABYTES = 5.0, 300
"""The most processor time for one file, and the most memory that all files together may add."""
LARGEST = 1_000_000
"""Pixels of a picture. Mutated headers often state many more."""
ARRAYS_EVERY = 4
"""One in this many mutations is one of a table or an array; the others are pictures."""
BORDERS = (0, 1, 127, 128, 255, 2**15 - 1, 2**15, 2**16 - 1, 2**16, 10**6, 2**31 - 1, 2**31, 2**32 - 1)
DECODINGS = (
    Decoding(8, 8, 3, value_range=(0, 1), largest=LARGEST),
    Decoding(8, 8, 1, largest=LARGEST),
    Decoding(8, 6, 3, resize="pad", largest=LARGEST),
    Decoding(6, 8, 3, resize="crop", background="black", largest=LARGEST),
)
RNG = np.random.default_rng(0)


class Subject(NamedTuple):
    """A file to mutate, its content, and how to read it."""

    file: Path
    content: bytes
    read: Callable[[Path, int], None]


def mutated(content: bytes, number: int) -> bytes:
    """The content with one to six random changes, mostly at its start, where headers are."""
    rng = random.Random(number)
    changed = bytearray(content)
    for _ in range(rng.choice([1, 1, 1, 2, 3, 6])):
        if not changed:
            break
        start = rng.randrange(min(len(changed), rng.choice([64, 256, len(changed)])))
        rng.choice(CHANGES)(changed, start, rng)
    return bytes(changed)


def _flip_bit(content: bytearray, start: int, rng: random.Random) -> None:
    content[start] ^= 1 << rng.randrange(8)


def _cut(content: bytearray, start: int, rng: random.Random) -> None:
    del content[start : rng.choice([start + rng.randrange(1, 20), len(content)])]


def _insert(content: bytearray, start: int, rng: random.Random) -> None:
    content[start:start] = rng.randbytes(rng.randrange(1, 20))


def _border(content: bytearray, start: int, rng: random.Random) -> None:
    code = rng.choice("<>") + rng.choice("BHIQ")
    size = struct.calcsize(code)
    content[start : start + size] = struct.pack(code, rng.choice(BORDERS) % 256**size)


def _repeat(content: bytearray, start: int, rng: random.Random) -> None:
    other, size = rng.randrange(len(content)), rng.randrange(1, 40)
    content[start : start + size] = content[other : other + size]


def _erase(content: bytearray, start: int, rng: random.Random) -> None:
    size = rng.randrange(1, 30)
    content[start : start + size] = bytes(size)


CHANGES = (_flip_bit, _cut, _insert, _border, _repeat, _erase)


def picture_subjects(folder: Path) -> Iterator[Subject]:
    """Small pictures of all formats and most kinds of values."""
    noise = Image.fromarray(RNG.integers(256, size=(24, 20, 3), dtype=np.uint8))
    grey = Image.fromarray(np.add.outer(np.arange(24) * 8, np.arange(20) * 3).astype(np.uint8))
    palette, alpha, turned = noise.quantize(16), noise.copy(), Image.Exif()
    alpha.putalpha(grey)
    turned[0x0112] = 6
    deep = Image.fromarray(RNG.integers(2**16, size=(24, 20)).astype(np.uint16))
    floating = Image.fromarray(RNG.random((24, 20)).astype(np.float32))
    frames = {"save_all": True}
    plain = [("PNG", one) for one in (noise, grey, palette, alpha, deep, grey.convert("1"))]
    plain += [(name, noise) for name in ("JPEG2000", "PPM", "AVIF", "BMP")]
    plain += [("BMP", palette), ("JPEG", noise.convert("CMYK")), ("TIFF", deep), ("TIFF", floating)]
    options: list[tuple[str, Image.Image, dict[str, Any]]] = [(*one, {}) for one in plain]
    options += [(name, noise, {"exif": turned}) for name in ("PNG", "JPEG", "WEBP", "TIFF")]
    options += [(name, noise, frames) for name in ("PNG", "GIF", "MPO", "WEBP", "TIFF")]
    options += [("TIFF", noise, {"compression": name}) for name in ("raw", "tiff_lzw", "tiff_deflate", "jpeg")]
    options += [("TIFF", grey.convert("1"), {"compression": "group4"}), ("TIFF", noise, {"big_tiff": True})]
    options += [("PNG", palette, {"transparency": 3}), ("JPEG", grey, {"progressive": True})]
    options += [("WEBP", alpha, {"lossless": True})]
    for file_format, picture, saving in options:
        stream = io.BytesIO()
        if saving is frames:
            saving = {**frames, "append_images": [picture.transpose(Image.Transpose.ROTATE_180)]}
        # Pillow keeps settings of a format in the picture, which the next format would use.
        picture.copy().save(stream, file_format, **saving)
        yield Subject(folder / "picture", stream.getvalue(), _read_picture)


def _read_picture(file: Path, number: int) -> None:
    for read in (lambda: decode(file, DECODINGS[number % len(DECODINGS)]), lambda: pages(file)):
        try:
            read()
        except Unreadable as problem:
            if not str(problem) or "\n" in str(problem):
                raise AssertionError(f"The reason must be one line. Received {str(problem)!r}.") from None


def array_subjects(folder: Path) -> Iterator[Subject]:
    """Small files of the sources that read no picture files, and of tables, in the layouts of `load_images`."""
    images, labels = RNG.integers(256, size=(4, 6, 5, 3), dtype=np.uint8), np.array([0, 1, 0, 1], np.uint8)
    for name, array in (("x", images), ("y", labels)):
        with h5py.File(folder / f"train_{name}.h5", "w") as file:
            file.create_dataset(name, data=array, chunks=(1, *array.shape[1:]), compression="gzip")
        yield _of_source("hdf5", folder / f"train_{name}.h5", folder)
    for name, array in (("images-idx3-ubyte.gz", images[..., 0]), ("labels-idx1-ubyte", labels)):
        content = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()
        (folder / f"train-{name}").write_bytes(gzip.compress(content) if name.endswith("gz") else content)
        yield _of_source("idx", folder / f"train-{name}", folder)
    np.savez_compressed(folder / "a.npz", train_images=images, train_labels=labels)
    yield _of_source("npz", folder / "a.npz", folder / "a.npz")
    for number in range(4):
        Image.new("L", (4, 4), number).save(folder / f"{number}.png")
    table = pd.DataFrame({"path": [f"{row}.png" for row in range(4)], "label": list("abab"), "w": [1.0, 2, 3, 4]})
    table.to_csv(folder / "t.csv", index=False)
    table.to_parquet(folder / "t.parquet")
    for name in ("t.csv", "t.parquet"):
        yield _of_source("table", folder / name, folder / name, weight="w", size=4, unreadable="skip")


def _of_source(source: str, file: Path, path: Path, **options: Any) -> Subject:
    def read(_: Path, __: int) -> None:
        try:
            for _block in blocks(load_images(source, {"path": str(path), **options}).pixels):
                pass
        except UserError as problem:
            if not str(problem).partition("\n")[0].endswith("."):
                raise AssertionError(f"The message must be a sentence. Received {str(problem)!r}.") from None

    return Subject(file, file.read_bytes(), read)


def main() -> None:
    """Read mutated files. Any exception, a slow file or much memory ends the program with an error."""
    count, first = (int(argument) for argument in (*sys.argv[1:], *("5000", "0")[len(sys.argv) - 1 :]))
    with tempfile.TemporaryDirectory() as name:
        os.chdir(name)
        pictures, arrays = list(picture_subjects(Path(name))), list(array_subjects(Path(name)))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for number in range(first, first + count):
            print(number, flush=True)
            subjects = arrays if number % ARRAYS_EVERY == 0 else pictures
            subject = subjects[number // ARRAYS_EVERY % len(subjects)]
            subject.file.write_bytes(mutated(subject.content, number))
            began = time.process_time()
            subject.read(subject.file, number)
            subject.file.write_bytes(subject.content)
            if time.process_time() - began > SECONDS:
                sys.exit(f"Mutation {number} took {time.process_time() - began:.1f} s.")
        added = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        if added > MEGABYTES:
            sys.exit(f"Reading mutated files took {added:.0f} MB.")


if __name__ == "__main__":
    main()
