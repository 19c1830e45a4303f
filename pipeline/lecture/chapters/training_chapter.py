"""Training: `fit`, and an explicit loop over `train_on_batch`."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from pipeline.data.sources import digits
from pipeline.lecture.material import Chapter, Material, source_of
from pipeline.lecture.shown.functional_form import functional
from pipeline.lecture.shown.two_loops import train_with_a_loop, train_with_fit
from pipeline.lecture.study_answers import study_answer
from pipeline.training.loops import STEPS_PER_EXECUTION

BATCH, BATCHES, EPOCHS = 32, 16, 2


def _values(material: Material) -> Mapping[str, Any]:
    images = digits.load()
    pixels = (images.pixels[: BATCH * BATCHES] / 255).astype(np.float32)
    labels = images.labels[: BATCH * BATCHES]
    batches = [(pixels[start : start + BATCH], labels[start : start + BATCH]) for start in range(0, len(pixels), BATCH)]
    results = []
    for train in (train_with_fit, train_with_a_loop):
        keras.utils.set_random_seed(0)
        network = functional(pixels.shape[1:], len(images.classes))
        network.compile(keras.optimizers.SGD(0.01, momentum=0.9), "sparse_categorical_crossentropy")
        before = network.get_weights()
        train(network, batches, EPOCHS)
        results.append(network.get_weights())
    largest = max(float(np.abs(one - two).max()) for one, two in zip(*results, strict=True))
    moved = max(float(np.abs(one - two).max()) for one, two in zip(before, results[0], strict=True))
    if largest or not moved:
        raise ValueError(f"Both loops must train and give the same weights. Received a difference of {largest}.")
    return {
        "fit": source_of(train_with_fit),
        "loop": source_of(train_with_a_loop),
        "difference": f"{largest:g}",
        "weights": sum(one.size for one in before),
        "steps": EPOCHS * BATCHES,
        "batch": BATCH,
        "at_once": STEPS_PER_EXECUTION,
        "studies": [study_answer(material, name) for name in ("optimizers", "batch_size")],
    }


CHAPTER = Chapter(
    "training",
    "Training: fit and train_on_batch",
    "One call, or a loop that you write: the same weights, bit for bit.",
    _values,
)
