"""What a trained network answers: probabilities for images, how fast, and the network as others can load it."""

import math
import statistics
import time
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from pipeline.data.prepared import Prepared
from pipeline.runs import ResultFolder
from pipeline.training.batches import Portion, Standardisation, dataset, evaluation_batches
from pipeline.training.start import load_network, standardisation


def trained_network(architecture: str, result: ResultFolder) -> keras.Model:
    """The network of a JSON text with the weights that its training kept."""
    network = load_network(architecture, seed=0)
    network.load_weights(result.weights)
    return network


def predict(
    network: keras.Model, prepared: Prepared, replicate: int, part: int, *, batch_size: int, repeats: int
) -> tuple[npt.NDArray[np.float32], float]:
    """Outputs (n, units) for one part of a replicate's split, and the median seconds an image takes.

    The first pass, which traces the network, is not timed.
    """
    portion = Portion(
        prepared.pixels, prepared.labels, prepared.indices(replicate, part), standardisation(prepared, replicate)
    )
    batches = dataset(
        lambda: evaluation_batches(portion, batch_size=batch_size),
        math.ceil(len(portion) / batch_size),
        prepared.image_shape,
    )
    outputs = network.predict(batches, verbose=0)
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        network.predict(batches, verbose=0)
        seconds.append(time.perf_counter() - began)
    return np.asarray(outputs), statistics.median(seconds) / len(portion)


def served(network: keras.Model, scaling: Standardisation, image_shape: tuple[int, int, int]) -> Any:
    """The network behind its own standardisation: grey levels 0 to 255 in, probabilities out."""
    scale = 1 / scaling.deviation
    return keras.Sequential(
        [
            keras.Input(image_shape, name="grey_levels"),
            keras.layers.Rescaling(scale.tolist(), (-scaling.mean * scale).tolist(), name="standardise"),
            network,
        ],
        name="served",
    )
