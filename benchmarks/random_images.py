"""Random grey images as prepared data and as arrays. The speed of training does not depend on the pixel values."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.data.images import LabelledImages
from pipeline.data.prepared import write_prepared
from pipeline.data.splits import TRAIN, VALIDATION

TRAINING, HELD_OUT, SIDE, BATCH = 1024, 32, 64, 32
STEPS = TRAINING // BATCH


def images() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """`TRAINING` + `HELD_OUT` images of `SIDE` × `SIDE` pixels and one channel, and labels of two classes."""
    random = np.random.default_rng(0)
    total = TRAINING + HELD_OUT
    return random.integers(0, 256, (total, SIDE, SIDE, 1), dtype=np.uint8), np.arange(total) % 2


def arrays() -> tuple[tuple[NDArray[np.float32], NDArray[np.float32]], tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Training and validation data: standardised images and targets of shape (n, 1)."""
    pixels, labels = images()
    inputs = ((pixels - pixels.mean()) / pixels.std()).astype(np.float32)
    targets = labels.astype(np.float32)[:, np.newaxis]
    return (inputs[:TRAINING], targets[:TRAINING]), (inputs[TRAINING:], targets[TRAINING:])


def write_images(folder: Path) -> Path:
    """Write the images as prepared data and return the folder."""
    pixels, labels = images()
    names = np.array([f"{number:05}" for number in range(len(labels))])
    labelled = LabelledImages(
        pixels=pixels,
        labels=labels,
        classes=("even", "odd"),
        groups=names,
        subgroups=None,
        names=names,
        source="random",
        licence="",
        attribution="",
        notes=(),
    )
    splits = np.full((1, len(labels)), TRAIN, np.uint8)
    splits[0, TRAINING:] = VALIDATION
    write_prepared(folder, labelled, splits, settings={"split": {"strategy": "image"}})
    return folder
