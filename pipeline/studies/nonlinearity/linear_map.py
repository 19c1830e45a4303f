"""The matrix of a linear network, found from its outputs for unit vectors, and how well it replaces the network."""

from collections.abc import Iterator
from typing import NamedTuple

import keras
import numpy as np
import numpy.typing as npt

from pipeline.data.prepared import Prepared, read_prepared
from pipeline.data.splits import TEST
from pipeline.studies.trainings import Trained

Array = npt.NDArray[np.float64]


REPLICATES = 3
"""The number of trainings of each network that are compared with their linear map."""


class LinearMap(NamedTuple):
    """One matrix and one bias: scores = pixels · weights + bias.

    Attributes:
        weights: shape (pixels, classes).
        bias: shape (classes,).
    """

    weights: Array
    bias: Array

    def __call__(self, images: npt.NDArray[np.float32]) -> Array:
        """The scores of images of any shape (n, …) with `pixels` values each, shape (n, classes)."""
        return images.reshape(len(images), -1).astype(np.float64) @ self.weights + self.bias


class Collapse(NamedTuple):
    """How a linear map differs from a network on test images, over the first `REPLICATES` replicates.

    Attributes:
        label: name of the network.
        parameters: of the network.
        error: largest difference of the scores, relative to the largest score of the network.
        agreement: share of the images whose class with the highest score is the same.
    """

    label: str
    parameters: int
    error: float
    agreement: float


def class_scores(network: keras.Model, images: npt.NDArray[np.float32]) -> Array:
    """The outputs of the last dense layer before its softmax, shape (n, classes)."""
    last = network.layers[-1]
    before, last.activation = last.activation, keras.activations.linear
    try:
        scores = [np.asarray(network(images[start : start + 256])) for start in range(0, len(images), 256)]
    finally:
        last.activation = before
    return np.concatenate(scores).astype(np.float64)


def linear_map(network: keras.Model) -> LinearMap:
    """The linear map with the same scores as the network for the zero image and for every unit vector.

    If the network computes a linear map, this is that map: its bias is the response to zeros, and each row of its
    matrix is the response to one unit vector without the bias.
    """
    shape = network.inputs[0].shape[1:]
    pixels = int(np.prod(shape))
    probes = np.concatenate([np.zeros((1, pixels)), np.eye(pixels)]).astype(np.float32).reshape(-1, *shape)
    responses = class_scores(network, probes)
    return LinearMap(responses[1:] - responses[0], responses[0])


def collapse(trained: Trained) -> Collapse:
    """Compare the first replicates with their linear maps, each on its own test images."""
    prepared = read_prepared(trained.prepared)
    errors, agreements = zip(*_differences(trained, prepared), strict=True)
    return Collapse(trained.label, trained.parameters, max(errors), float(np.mean(agreements)))


def _differences(trained: Trained, prepared: Prepared) -> Iterator[tuple[float, float]]:
    for task in trained.tasks[:REPLICATES]:
        network = trained.network(task.replicate)
        images = standardised_test_images(prepared, task.replicate)
        scores, replaced = class_scores(network, images), linear_map(network)(images)
        error = float(np.abs(scores - replaced).max() / np.abs(scores).max())
        yield error, float((scores.argmax(axis=1) == replaced.argmax(axis=1)).mean())
        keras.backend.clear_session()


def standardised_test_images(prepared: Prepared, replicate: int) -> npt.NDArray[np.float32]:
    """The test images of a replicate as the network sees them."""
    scaling = prepared.manifest["replicates"][replicate]
    pixels = np.asarray(prepared.pixels[prepared.indices(replicate, TEST)], np.float32)
    standardised = (pixels - np.array(scaling["mean"])) / np.array(scaling["standard_deviation"])
    return np.asarray(standardised, np.float32)
