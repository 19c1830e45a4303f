"""Load trained networks, predict with them, measure their latency, and export them for serving."""

import math
import statistics
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from pipeline.data.prepared import Prepared
from pipeline.data.splits import TEST, TRAIN, VALIDATION
from pipeline.evaluation.metrics import class_probabilities
from pipeline.evaluation.predictions import Predictions
from pipeline.evaluation.scoring import ModelPredictions
from pipeline.storage.files import damaged, existing
from pipeline.storage.folders import ResultFolder
from pipeline.training.batches import dataset, evaluation_batches, evaluation_partners
from pipeline.training.examples import Columns, Portion, Standardisation, portion
from pipeline.training.start import load_network

TIMED_BATCHES = 4
"""Latency is measured on at least this many full batches, so that the overhead of a call does not dominate it."""


def trained_network(architecture: str, result: ResultFolder) -> keras.Model:
    """Load a network from its JSON text and the weights that its training kept.

    Raises:
        UserError: the file of the weights is missing, damaged or belongs to another network.
    """
    network = load_network(architecture, seed=0)
    try:
        network.load_weights(existing(result.weights))
    except (OSError, ValueError, KeyError):
        raise damaged(result.weights) from None
    return network


def predict_replicates(
    architecture: str, results: Mapping[int, ResultFolder], prepared: Prepared, *, batch_size: int, repeats: int
) -> ModelPredictions:
    """Predict each replicate's own test and validation images and measure its latency.

    Args:
        architecture: the network without weights, as Keras' JSON.
        results: finished trainings by replicate.
        prepared: images, labels and splits.
        batch_size: images per batch.
        repeats: number of timed predictions; the latency is their median.
    """
    columns = Columns.of(architecture)
    predicted = ModelPredictions({name: {} for name in columns.outputs}, {name: {} for name in columns.outputs}, {})
    for replicate, result in results.items():
        network = trained_network(architecture, result)
        for part, by_output in ((TEST, predicted.test), (VALIDATION, predicted.validation)):
            images = portion(prepared, replicate, part, columns)
            for name, one in _predictions(network, images, prepared, replicate, batch_size).items():
                by_output[name][replicate] = one
        tested = portion(prepared, replicate, TEST, columns)
        predicted.seconds_per_image[replicate] = seconds_per_image(
            network, tested, batch_size=batch_size, repeats=repeats
        )
    return predicted


def predict(network: keras.Model, portion: Portion, *, batch_size: int) -> list[npt.NDArray[np.float32]]:
    """The network's outputs for the images of a portion, each of shape (images, units)."""
    outputs = network.predict(_batches(portion, batch_size), verbose=0)
    return outputs if isinstance(outputs, list) else [outputs]


def seconds_per_image(network: keras.Model, portion: Portion, *, batch_size: int, repeats: int) -> float:
    """The median time over `repeats` predictions of the portion, divided by the number of images.

    The time includes reading and standardising the images, and the overhead of a call of `predict`. A portion of fewer
    than `TIMED_BATCHES` full batches is repeated to fill them: otherwise a small test set would measure the overhead
    rather than the network. Call this after a first prediction, because the first one traces the network.
    """
    timed = replace(portion, indices=np.resize(portion.indices, max(len(portion), TIMED_BATCHES * batch_size)))
    batches = _batches(timed, batch_size)
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        network.predict(batches, verbose=0)
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds) / len(timed)


def served(network: keras.Model, scaling: Standardisation) -> keras.Model:
    """The network with its standardisation in front: from grey levels 0 to 255 to probabilities.

    Several inputs or outputs are dictionaries whose keys are the network's names.
    """
    scale = 1 / scaling.deviation
    standardise = keras.layers.Rescaling(scale.tolist(), (-scaling.mean * scale).tolist(), name="standardise")
    inputs = {tensor.name: keras.Input(tensor.shape[1:], name=tensor.name) for tensor in network.inputs}
    scaled = [standardise(tensor) if len(tensor.shape) == 4 else tensor for tensor in inputs.values()]
    if len(scaled) == 1:
        inputs, scaled = inputs.popitem()[1], scaled[0]
    outputs = network(scaled)
    if len(network.outputs) > 1:
        outputs = dict(zip(network.output_names, outputs, strict=True))
    return keras.Model(inputs, outputs, name="served")


def _predictions(
    network: keras.Model, images: Portion, prepared: Prepared, replicate: int, batch_size: int
) -> dict[str, Predictions]:
    """The predictions of each output, by name."""
    outputs = predict(network, images, batch_size=batch_size)
    partners = evaluation_partners(images)
    targets = images.targets(np.arange(len(images)), partners)
    groups = np.unique(prepared.groups, return_inverse=True)[1]
    classes_by_output = images.columns.class_names(prepared.manifest).items()
    return {
        name: Predictions(
            images=images.indices,
            partners=None if partners is None else images.indices[partners],
            groups=groups[images.indices],
            subgroups=None if prepared.subgroups is None else prepared.subgroups[images.indices],
            classes=np.array(classes),
            truth=truth,
            probabilities=class_probabilities(values),
            trained_on=len(prepared.indices(replicate, TRAIN)),
        )
        for (name, classes), values, truth in zip(classes_by_output, outputs, targets, strict=True)
    }


def _batches(portion: Portion, batch_size: int) -> Any:
    return dataset(lambda: evaluation_batches(portion, batch_size=batch_size), math.ceil(len(portion) / batch_size))
