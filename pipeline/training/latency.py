"""Measure how long trained networks take to predict an image."""

import statistics
import time
from collections.abc import Sequence
from dataclasses import replace

import keras
import numpy as np

from pipeline.data.prepared import read_prepared
from pipeline.data.splits import TEST
from pipeline.storage.files import write_json
from pipeline.training.examples import Columns, Portion, portion
from pipeline.training.predict import load_trained_weights, prediction_batches
from pipeline.training.start import load_network
from pipeline.training.task import Task

TIMED_BATCHES = 4
"""Latency is measured on at least this many full batches, so that the overhead of a call does not dominate it."""

TIMED_REPLICATES = 2
"""Latency is measured with this many replicates: they have the same network, and its weights do not change its time."""

TIMED_REPEATS = 3
"""Number of timed predictions of which the median is taken."""


def measure_latency(tasks: Sequence[Task]) -> None:
    """Measure the seconds per image of one network and write them into the results of its finished trainings.

    Every result gets the mean over the first `TIMED_REPLICATES` replicates. Call this while no other process computes.
    """
    architecture, prepared = tasks[0].architecture, read_prepared(tasks[0].prepared)
    network, columns = load_network(architecture, seed=0), Columns.of(architecture)
    seconds = []
    for task in tasks[:TIMED_REPLICATES]:
        load_trained_weights(network, task.result)
        tested = portion(prepared, task.replicate, TEST, columns)
        seconds.append(seconds_per_image(network, tested, batch_size=task.training.evaluation_batch_size))
    for task in tasks:
        write_json(task.result.latency, {"seconds_per_image": statistics.mean(seconds)})


def seconds_per_image(
    network: keras.Model, portion: Portion, *, batch_size: int, repeats: int = TIMED_REPEATS
) -> float:
    """The median time over `repeats` predictions of the portion, divided by the number of images.

    The time includes reading and standardising the images, and the overhead of a call of `predict`. A portion of fewer
    than `TIMED_BATCHES` full batches is repeated to fill them: otherwise a small test set would measure the overhead
    rather than the network. One prediction before them is not timed, because it traces the network.
    """
    timed = replace(portion, indices=np.resize(portion.indices, max(len(portion), TIMED_BATCHES * batch_size)))
    batches = prediction_batches(timed, batch_size)
    network.predict(batches, verbose=0)
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        network.predict(batches, verbose=0)
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds) / len(timed)
