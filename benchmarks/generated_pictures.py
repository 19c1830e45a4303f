"""Picture files of random content in two classes, for measurements, a thousand per folder of a class.

A picture is a coarse random pattern, enlarged, with fine noise. So its files have about the size of photographs, and no
two of them look alike. The classes differ in brightness.
"""

from collections.abc import Iterable
from functools import partial
from io import BytesIO
from pathlib import Path

import joblib
import numpy as np
from PIL import Image

CLASSES = ("dark", "light")
PER_FOLDER = 1000
COARSE = 8
"""Values of a side of the coarse pattern."""


def write_pictures(
    folder: Path, numbers: range, *, width: int, height: int, suffix: str, seed: int = 0, workers: int = 1
) -> None:
    """Write the pictures with these numbers. A picture depends on the seed, its number and its size only."""
    starts = range(numbers.start, numbers.stop, PER_FOLDER)
    write = partial(_write, folder, width=width, height=height, suffix=suffix, seed=seed)
    some = (range(start, min(start + PER_FOLDER, numbers.stop)) for start in starts)
    joblib.Parallel(workers)(joblib.delayed(write)(part) for part in some)


def _write(folder: Path, numbers: Iterable[int], *, width: int, height: int, suffix: str, seed: int) -> None:
    for number in numbers:
        file = folder / CLASSES[number % 2] / f"{number // PER_FOLDER:04d}" / f"{number:07d}{suffix}"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(encoded(number, width=width, height=height, suffix=suffix, seed=seed))


def encoded(number: int, *, width: int, height: int, suffix: str, seed: int = 0) -> bytes:
    """The bytes of the file of a picture."""
    random = np.random.default_rng([seed, number])
    coarse = random.integers(0, 176, (COARSE, COARSE, 3), np.uint8) + np.uint8(64 * (number % 2))
    smooth = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    noise = random.integers(0, 16, (height, width, 1), np.uint8)
    picture = Image.fromarray(np.asarray(smooth) // 16 * 15 + noise)
    stream = BytesIO()
    picture.save(stream, Image.registered_extensions()[suffix], quality=85, compress_level=1)
    return stream.getvalue()
