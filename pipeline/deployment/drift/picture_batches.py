"""Read and classify pictures a few at a time."""

import math
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from pipeline.data.user_paths import shown
from pipeline.deployment.drift.new_pictures import Batch
from pipeline.deployment.picture_model import PictureModel

TOGETHER, BYTES = 256, 2**26
"""Pictures that are in memory at a time: at most this many, and at most this many bytes of pixels."""


def picture_batches(model: PictureModel, files: Iterable[Path]) -> Iterator[Batch]:
    """Decode and classify picture files; unreadable ones are named."""
    remaining = iter(files)
    size = max(1, min(TOGETHER, BYTES // math.prod(model.image_shape)))
    while some := list(islice(remaining, size)):
        decoded = model.pixels(some)
        names = [shown(file) for file in some]
        readable = [(name, one.pixels) for name, one in zip(names, decoded, strict=True) if one.pixels is not None]
        pixels = np.array([values for _, values in readable], np.uint8).reshape(-1, *model.image_shape)
        probabilities = model.probabilities(pixels)
        yield Batch(
            [name for name, _ in readable],
            pixels,
            probabilities.argmax(axis=1),
            model.confidence(probabilities),
            [(name, one.problem) for name, one in zip(names, decoded, strict=True) if one.problem is not None],
        )
