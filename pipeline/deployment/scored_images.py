"""The images that a packaged network is scored on, and its predictions for them.

A single replicate predicts its own validation and test images. For several replicates together, every image may have
trained some of them. Each image is then predicted by the mean of the replicates that were not trained on it (out of
bag, Breiman 1996, "Out-of-bag estimation"). Where all replicates have the same test images, these are predicted by all
of them, exactly as the packaged network does. With fewer members an ensemble is usually a little worse, so the score is
too low rather than too high.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pipeline.data.prepared import Prepared
from pipeline.data.splits import TEST, TRAIN, VALIDATION
from pipeline.evaluation.class_outputs import class_probabilities
from pipeline.storage.folders import RunFolder
from pipeline.training.outputs import read_outputs

Indices = npt.NDArray[np.int64]
Probabilities = npt.NDArray[np.float64]

PARTS = {"validation": VALIDATION, "test": TEST}


class Answered(NamedTuple):
    """Predictions for n images.

    Attributes:
        images: the numbers of the images, (n,), ascending.
        truth: their true classes, (n,).
        probabilities: (n, classes).
        members: how many replicates predict an image together, on average.
    """

    images: Indices
    truth: npt.NDArray[np.int64]
    probabilities: Probabilities
    members: float = 1.0


def answered_by_one(
    prepared: Prepared, replicate: int, predict: Callable[[Indices], Probabilities]
) -> dict[str, Answered]:
    """The predictions of a single replicate for its validation and its test images."""
    found = {}
    for name, part in PARTS.items():
        images = prepared.indices(replicate, part)
        found[name] = Answered(images, prepared.labels[images], predict(images))
    return found


def answered_out_of_bag(prepared: Prepared, run: RunFolder, replicates: Sequence[int]) -> dict[str, Answered]:
    """The mean predictions of the replicates for which an image is a validation image, or a test image.

    They come from the outputs that the trainings have stored. An image may be in both parts, but then no replicate
    predicts it in both.

    Raises:
        UserError: the outputs of a replicate are missing or damaged.
    """
    shape = len(prepared.labels), len(prepared.classes)
    sums = {name: np.zeros(shape) for name in PARTS}
    counts = {name: np.zeros(shape[0], np.int64) for name in PARTS}
    for replicate in replicates:
        outputs = read_outputs(run.result(replicate).outputs)
        for name, part in PARTS.items():
            images = prepared.indices(replicate, part)
            sums[name][images] += class_probabilities(outputs[part][0])
            counts[name][images] += 1
    found = {}
    for name in PARTS:
        images = np.flatnonzero(counts[name])
        members = counts[name][images]
        mean = sums[name][images] / members[:, np.newaxis]
        found[name] = Answered(images, prepared.labels[images], mean, float(members.mean()) if len(images) else 0.0)
    return found


def unseen_images(prepared: Prepared, replicates: Sequence[int]) -> Indices:
    """The images that none of these replicates was trained on."""
    return np.flatnonzero((prepared.splits[list(replicates)] != TRAIN).all(axis=0))
