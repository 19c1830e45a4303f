"""A convolution, the layers it can be unrolled into, and the number of weights of each."""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any, NamedTuple

import keras
import numpy as np
import numpy.typing as npt

from pipeline.arithmetic.sizes import Padding
from pipeline.arithmetic.weight_counts import Weights, weights
from pipeline.layers.unrolling import unrolled_densely, unrolled_locally


class WeightGrowth(NamedTuple):
    """Weights between an image of side × side pixels and a feature map of the same size, for each of `sides`.

    `kernel` is the side of the square kernel.
    """

    sides: tuple[int, ...]
    weights: tuple[Weights, ...]
    kernel: int


class ConvolutionExample(NamedTuple):
    """Outputs of a one-dimensional convolution as computed by Keras, by NumPy and by a matrix product."""

    pixels: tuple[float, ...]
    kernel: tuple[float, ...]
    keras: tuple[float, ...]
    correlation: tuple[float, ...]
    convolution: tuple[float, ...]
    convolution_of_flipped: tuple[float, ...]
    matrix: tuple[tuple[float, ...], ...]
    product: tuple[float, ...]


class UnrollingError(NamedTuple):
    """Largest difference between a convolution and its unrolled layers, relative to the largest output."""

    dimensions: int
    stride: int
    padding: str
    weights: Weights
    locally_connected: float
    masked_dense: float


def weight_growth(sides: Sequence[int], *, kernel: int) -> WeightGrowth:
    """Count the weights of a layer with one channel, one feature map and `same` padding on square images."""
    counts = tuple(weights([side, side], kernel, padding="same") for side in sides)
    return WeightGrowth(tuple(sides), counts, kernel)


def convolution_example(
    pixels: Sequence[float] | npt.NDArray[np.floating], kernel: npt.NDArray[np.floating]
) -> ConvolutionExample:
    """Compute Keras' convolution of a row of pixels, NumPy's correlation and convolution, and the matrix product."""
    layer = keras.layers.Conv1D(1, len(kernel), use_bias=False)
    layer.build((None, len(pixels), 1))
    layer.set_weights([np.reshape(kernel, (-1, 1, 1))])
    matrix = np.asarray(unrolled_densely(layer).kernel).T
    return ConvolutionExample(
        pixels=tuple(pixels),
        kernel=tuple(kernel),
        keras=tuple(np.asarray(layer(np.reshape(pixels, (1, -1, 1)).astype("float32"))).ravel().tolist()),
        correlation=tuple(np.correlate(pixels, kernel, "valid").tolist()),
        convolution=tuple(np.convolve(pixels, kernel, "valid").tolist()),
        convolution_of_flipped=tuple(np.convolve(pixels, kernel[::-1], "valid").tolist()),
        matrix=tuple(tuple(row) for row in matrix.tolist()),
        product=tuple((matrix @ pixels).tolist()),
    )


def unrolling_errors(*, seed: int) -> Iterator[UnrollingError]:
    """Compare convolutions with their unrolled layers on random images and weights.

    Yields one result per combination of 1 or 2 dimensions, stride 1 or 2, and padding `valid` or `same`.
    """
    rng = np.random.default_rng(seed)
    paddings: tuple[Padding, ...] = ("valid", "same")
    for dimensions, stride, padding in product((1, 2), (1, 2), paddings):
        layer_class: Any = {1: keras.layers.Conv1D, 2: keras.layers.Conv2D}[dimensions]
        layer = layer_class(4, 3, strides=stride, padding=padding)
        shape = (16,) * dimensions + (2,)
        layer.build((None, *shape))
        layer.set_weights([rng.normal(size=weight.shape).astype("float32") for weight in layer.weights])
        images = rng.normal(size=(32, *shape)).astype("float32")
        outputs = np.asarray(layer(images))
        unrolled = [np.asarray(unroll(layer)(images)) for unroll in (unrolled_locally, unrolled_densely)]
        largest = float(np.abs(outputs).max())
        locally, densely = (float(np.abs(form.reshape(outputs.shape) - outputs).max()) for form in unrolled)
        yield UnrollingError(
            dimensions,
            stride,
            padding,
            weights([16] * dimensions, 3, stride=stride, padding=padding, channels=2, maps=4),
            locally / largest,
            densely / largest,
        )
