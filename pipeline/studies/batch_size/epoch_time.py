"""The processor time of an epoch by batch size. Other programs on the machine hardly change it, unlike the duration."""

import time
from collections.abc import Sequence

import keras
import numpy as np

from pipeline.data.prepared import read_prepared
from pipeline.data.splits import TRAIN
from pipeline.studies.trainings import Trained
from pipeline.training.task import SCALING

ROUNDS = 10
"""Epochs of each batch size, in turn; the fastest counts."""


def epoch_seconds(trained: Trained, batches: Sequence[int], *, rounds: int = ROUNDS) -> dict[int, float]:
    """Seconds of processor time of one epoch of `fit` for each batch size, without validation.

    The training images of the first replicate are in memory. The first epoch, which traces the step, is not measured.
    """
    prepared, task = read_prepared(trained.prepared), trained.tasks[0]
    rows = prepared.indices(task.replicate, TRAIN)
    mean, deviation = (np.array(prepared.manifest["replicates"][task.replicate][name]) for name in SCALING)
    images, labels = ((prepared.pixels[rows] - mean) / deviation).astype(np.float32), prepared.labels[rows]
    keras.utils.set_random_seed(0)
    networks = {batch: _compiled(task.architecture) for batch in batches}
    measured: dict[int, list[float]] = {batch: [] for batch in batches}
    for _ in range(rounds + 1):
        for batch, network in networks.items():
            began = time.process_time()
            network.fit(images, labels, batch_size=batch, verbose=0)
            measured[batch].append(time.process_time() - began)
    return {batch: min(seconds[1:]) for batch, seconds in measured.items()}


def _compiled(architecture: str) -> keras.Model:
    network = keras.models.model_from_json(architecture)
    optimizer = keras.optimizers.SGD(0.01, momentum=0.9)
    network.compile(optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return network
