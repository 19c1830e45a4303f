"""Export a network to several formats, and compare the exports with it: accuracy, classes, latency and size.

All are measured on the same images, which the original was not trained on. Latencies are interleaved: each round times
every network once, so that a slower moment of the machine meets all of them.
"""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from pipeline.data.pixel_file import IndexedPixels
from pipeline.data.prepared import Prepared
from pipeline.data.splits import TRAIN, VALIDATION
from pipeline.deployment.exports import FORMATS, REPRESENTATIVE, export, remove, size_of
from pipeline.deployment.runtimes import TOGETHER, Runtime, in_batches
from pipeline.deployment.scored_images import unseen_images
from pipeline.errors import reason
from pipeline.evaluation.class_outputs import class_probabilities

if TYPE_CHECKING:
    import keras

BATCHES = (1, TOGETHER)
"""Batch sizes of which the latency is measured."""
ROUNDS, LEAST_ROUNDS, SECONDS = 30, 3, 20.0
"""Latency is the median of `ROUNDS` rounds; of fewer, but at least `LEAST_ROUNDS`, once they have taken `SECONDS`."""
READ_TOGETHER = 1024
"""Number of images that are in memory at once."""

Indices = npt.NDArray[np.int64]


class Measured(NamedTuple):
    """One network on n images.

    Attributes:
        accuracy: the share of images whose most probable class is the true one.
        difference: the largest absolute difference between one of its probabilities and the original's.
        changed: the number of images with another most probable class than the original's.
        seconds: the median time of a batch, by its size.
    """

    accuracy: float
    difference: float
    changed: int
    seconds: dict[int, float]


class Images(NamedTuple):
    """The images that exports are compared on.

    Attributes:
        pixels: uint8 (m, height, width, channels), read when they are indexed.
        labels: the true class of each of the m images.
        compared: the images to predict.
        training: the images that represent later pictures when a network is quantised.
        unseen: whether the network was trained on none of the compared images.
    """

    pixels: IndexedPixels
    labels: Indices
    compared: Indices
    training: Indices
    unseen: bool


class Exported(NamedTuple):
    """A network in one format: what runs it, its size in bytes and measurements, or why there are none."""

    runtime: str
    size: int = 0
    measured: Measured | None = None
    problem: str = ""


def images_for_exports(prepared: Prepared, replicates: Sequence[int]) -> Images:
    """The validation images of a packaged network, without the training images of any of its replicates.

    If no such image is left, other images that no replicate was trained on are compared. Without any, each image was a
    training image of some replicate, and the validation images of the first are compared: differences between the
    formats can be measured, but accuracy is too high.
    """
    validation, unseen = prepared.indices(replicates[0], VALIDATION), unseen_images(prepared, replicates)
    compared = next((one for one in (np.intersect1d(validation, unseen), unseen) if len(one)), validation)
    training = prepared.indices(replicates[0], TRAIN)
    drawn = np.random.default_rng(0).choice(training, min(len(training), REPRESENTATIVE), replace=False)
    return Images(
        prepared.pixels,
        prepared.labels,
        compared,
        np.sort(drawn),
        bool(len(unseen)),
    )


def export_all(
    network: "keras.Model",
    formats: Sequence[str],
    folder: Path,
    images: Images,
    *,
    progress: Callable[[str], None] = lambda _: None,
) -> tuple[Measured, dict[str, Exported]]:
    """Export a network to `formats`, load each export in its own runtime, and measure it beside the network.

    A format that fails has a problem instead of measurements, and leaves no file; the others go on. `progress` is
    called with the name of each format before it is exported.
    """
    sample = np.asarray(images.pixels[images.training])
    loaded: dict[str, Runtime] = {}
    exports: dict[str, Exported] = {}
    for name in formats:
        progress(name)
        target = folder / FORMATS[name].file
        try:
            export(network, name, folder, sample)
            loaded[name] = FORMATS[name].load(target)
            loaded[name](sample[:1].astype(np.float32))  # Some runtimes only then find an operation that they lack.
            exports[name] = Exported(FORMATS[name].runtime, size_of(target))
        except Exception as problem:  # Each converter and runtime raises exceptions of its own.
            remove(target)
            loaded.pop(name, None)
            exports[name] = Exported(FORMATS[name].runtime, problem=reason(problem))
    own, measured = compared(
        partial(in_batches, network.predict_on_batch), loaded, images.pixels, images.labels, images.compared
    )
    return own, {name: one._replace(measured=measured.get(name)) for name, one in exports.items()}


def compared(
    original: Runtime, exported: Mapping[str, Runtime], pixels: IndexedPixels, labels: Indices, indices: Indices
) -> tuple[Measured, dict[str, Measured]]:
    """Measure the original and its exports on the images at `indices`.

    Args:
        original: the network before it was exported.
        exported: the exports, by format.
        pixels: uint8 (m, height, width, channels).
        labels: the true class of each of the m images.
        indices: the images to predict.
    """
    networks = {"": original, **exported}
    seconds = latencies(networks, np.resize(pixels[indices[:TOGETHER]], (TOGETHER, *pixels.shape[1:])))
    wanted = probabilities(original, pixels, indices)
    measured = {}
    for name, network in networks.items():
        found = wanted if network is original else probabilities(network, pixels, indices)
        classes = found.argmax(axis=1)
        measured[name] = Measured(
            accuracy=float((classes == labels[indices]).mean()),
            difference=float(np.abs(found - wanted).max()),
            changed=int((classes != wanted.argmax(axis=1)).sum()),
            seconds=seconds[name],
        )
    return measured.pop(""), measured


def probabilities(network: Runtime, pixels: IndexedPixels, indices: Indices) -> npt.NDArray[np.float64]:
    """The probability of each class for the images at `indices`, (images, classes)."""
    parts = range(0, len(indices), READ_TOGETHER)
    outputs = [network(np.asarray(pixels[indices[start : start + READ_TOGETHER]], np.float32)) for start in parts]
    return class_probabilities(np.concatenate(outputs))


def latencies(networks: Mapping[str, Runtime], pixels: npt.NDArray[np.uint8]) -> dict[str, dict[int, float]]:
    """The median seconds of each network for each batch size of `BATCHES`; `pixels` are the images of the largest."""
    seconds: dict[str, dict[int, list[float]]] = {name: {size: [] for size in BATCHES} for name in networks}
    began = time.perf_counter()
    for number in range(ROUNDS):
        if number >= LEAST_ROUNDS and time.perf_counter() - began > SECONDS:
            break
        for size in BATCHES:
            batch = pixels[:size].astype(np.float32)
            for name, network in networks.items():
                network(batch)  # The first batch of a new size allocates memory, or traces the network.
                before = time.perf_counter()
                network(batch)
                seconds[name][size].append(time.perf_counter() - before)
    return {
        name: {size: statistics.median(taken) for size, taken in by_size.items()} for name, by_size in seconds.items()
    }
