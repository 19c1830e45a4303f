"""What a trained network answers: probabilities for images, how fast, and the network as others can load it."""

import math
import statistics
import time
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from pipeline.storage.folders import ResultFolder
from pipeline.training.batches import dataset, evaluation_batches
from pipeline.training.examples import Portion, Standardisation
from pipeline.training.start import load_network


def trained_network(architecture: str, result: ResultFolder) -> keras.Model:
    """The network of a JSON text with the weights that its training kept."""
    network = load_network(architecture, seed=0)
    network.load_weights(result.weights)
    return network


def predict(network: keras.Model, portion: Portion, *, batch_size: int) -> list[npt.NDArray[np.float32]]:
    """What the network says of a portion: (n, units) for each of its outputs."""
    outputs = network.predict(_batches(portion, batch_size), verbose=0)
    return outputs if isinstance(outputs, list) else [outputs]


def seconds_per_image(network: keras.Model, portion: Portion, *, batch_size: int, repeats: int) -> float:
    """The median time that an image of a portion takes, in whole batches.

    To be asked of a network that has predicted before: its first time, it is traced.
    """
    batches = _batches(portion, batch_size)
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        network.predict(batches, verbose=0)
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds) / len(portion)


def _batches(portion: Portion, batch_size: int) -> Any:
    return dataset(lambda: evaluation_batches(portion, batch_size=batch_size), math.ceil(len(portion) / batch_size))


def served(network: keras.Model, scaling: Standardisation) -> keras.Model:
    """The network behind its own standardisation: grey levels 0 to 255 in, probabilities out.

    Several inputs or outputs are mappings by the network's names of them.
    """
    scale = 1 / scaling.deviation
    standardise = keras.layers.Rescaling(scale.tolist(), (-scaling.mean * scale).tolist(), name="standardise")
    given = {tensor.name: keras.Input(tensor.shape[1:], name=tensor.name) for tensor in network.inputs}
    shown = [standardise(tensor) if len(tensor.shape) == 4 else tensor for tensor in given.values()]
    if len(shown) == 1:
        given, shown = given.popitem()[1], shown[0]
    answers = network(shown)
    if len(network.outputs) > 1:
        answers = dict(zip(network.output_names, answers, strict=True))
    return keras.Model(given, answers, name="served")
