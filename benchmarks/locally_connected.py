"""Measure the cost of unshared weights: the lecture's network with `LocallyConnected2D` and with `Conv2D`.

Both networks have the same number of multiply–accumulates. An epoch is 1,568 images of 64×64×1 in batches of 32, with
SGD and momentum, on one thread with deterministic operations. The networks train alternating epochs, so that other load
on the machine affects both, and the result is the median ratio of their times. Memory is the peak of a process that
trains one network for one epoch, minus its memory before the network was built (Linux or macOS).

    python -m benchmarks.locally_connected

Expected on 2 shared cores of an EPYC with AVX-512: a ratio of 2.2 to 2.5. It increases with the load on the machine,
because unshared weights are limited by memory bandwidth. Expected peak: 8 times the weights, for weights, momentum,
gradients, windows and their gradients, and activations. The benchmark takes two minutes. In a locally connected step,
batched matrix products take 41 % of the time, as long as the whole convolution step; the update of 6.2 million weights
takes 22 %, gathering windows and summing their gradients 9 %, transposes 8 %.
"""

import multiprocessing
import resource
import statistics
import sys
import time
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from benchmarks.command import run_part
from benchmarks.measurements import Measurement, of_rounds
from pipeline.layers.locally_connected import LocallyConnected2D

IMAGES, SIDE, BATCH = 1568, 64, 32
ROUNDS = 9
MIB = 2**20
LAYERS = {"Conv2D": keras.layers.Conv2D, "LocallyConnected2D": LocallyConnected2D}


def network(layer: str) -> Any:
    """The compiled lecture network with `layer` instead of its two convolutions."""
    model = keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 1)),
            LAYERS[layer](16, 3, padding="same", activation="relu"),
            keras.layers.MaxPooling2D(),
            LAYERS[layer](32, 3, padding="same", activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Flatten(),
            keras.layers.Dense(100, activation="relu"),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(keras.optimizers.SGD(0.01, momentum=0.9), "binary_crossentropy", jit_compile=False)
    return model


def batches() -> tf.data.Dataset:
    """One epoch of random images and labels; the speed does not depend on the pixel values."""
    random = np.random.default_rng(0)
    images = random.random((IMAGES, SIDE, SIDE, 1), dtype="float32")
    labels = random.integers(0, 2, (IMAGES, 1)).astype("float32")
    return tf.data.Dataset.from_tensor_slices((images, labels)).batch(BATCH, drop_remainder=True).prefetch(2)


def use_one_thread() -> None:
    """Configure TensorFlow as for one replicate in the pipeline."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(0)


def peak_bytes() -> int:
    """The peak memory of this process in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def memory_of_training(layer: str) -> int:
    """Bytes by which the peak memory grows when one network is built and trained for one epoch."""
    use_one_thread()
    data = batches()
    before = peak_bytes()
    network(layer).fit(data, shuffle=False, verbose=0)
    return peak_bytes() - before


def seconds_of_epochs(rounds: int) -> dict[str, list[float]]:
    """Seconds of alternating epochs per network, without the first ones, which trace the graph."""
    use_one_thread()
    data = batches()
    models = {layer: network(layer) for layer in LAYERS}
    for model in models.values():
        model.fit(data, shuffle=False, verbose=0)
    seconds: dict[str, list[float]] = {layer: [] for layer in LAYERS}
    for _ in range(rounds):
        for layer, model in models.items():
            start = time.perf_counter()
            model.fit(data, shuffle=False, verbose=0)
            seconds[layer].append(time.perf_counter() - start)
    return seconds


def measure(rounds: int) -> Iterator[Measurement]:
    """Yield the ratio of the times, and the memory of the locally connected network per byte of its weights."""
    # Memory first, because the peak of a child process includes the memory of its parent.
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        memory = {layer: pool.apply(memory_of_training, (layer,)) for layer in LAYERS}
    seconds = seconds_of_epochs(rounds)
    shared, local = seconds.values()
    yield of_rounds(
        "locally_connected",
        "epoch with unshared weights, against Conv2D",
        [one / other for one, other in zip(local, shared, strict=True)],
        ours=f"{statistics.median(local):.2f} s",
        peer=f"{statistics.median(shared):.2f} s",
    )
    for layer in LAYERS:
        weights = 4 * network(layer).count_params()
        yield Measurement(
            "locally_connected",
            f"peak memory of training with {layer}, per byte of its weights",
            memory[layer] / weights,
            unit="bytes",
            ours=f"{memory[layer] / MIB:.0f} MiB",
        )


if __name__ == "__main__":
    run_part("locally_connected")
