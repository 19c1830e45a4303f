"""From full to shared weights: what it saves to leave out connections and to share weights, with nothing else changed.

Writes reports/connectivity/: the weights of the lecture's five pixels and of whole images, convolution beside Keras'
cross-correlation, and a convolution beside the locally connected and the dense layer that it can be written out as.
"""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from pipeline.arithmetic.connectivity import weights
from pipeline.arithmetic.sizes import Padding
from pipeline.layers.unrolling import unrolled_densely, unrolled_locally
from pipeline.reporting.connectivity import (
    Growth,
    Kernels,
    Unrolling,
    figures,
    text,
)
from pipeline.reporting.figures.style import png_bytes
from pipeline.storage.files import replacing
from pipeline.storage.folders import REPORTS

SIDES = (4, 8, 16, 32, 64, 128, 256, 512, 1024)
KERNEL = 3
PIXELS, KERNEL_OF_PIXELS = np.array([3.0, 1, 4, 1, 5]), np.array([2.0, 7, 1])


def main() -> None:
    """Compute the values, draw the figures and write the report."""
    growth = Growth(SIDES, tuple(weights([side, side], KERNEL, padding="same") for side in SIDES), KERNEL)
    drawn = figures(growth)
    folder = REPORTS / "connectivity"
    for name, figure in drawn.items():
        with replacing(folder / f"{name}.png") as unfinished:
            unfinished.write_bytes(png_bytes(figure))
    with replacing(folder / "report.md") as unfinished:
        unfinished.write_text(
            text(growth, kernels(PIXELS, KERNEL_OF_PIXELS), tuple(unrollings(seed=0)), versions=keras.__version__),
            encoding="utf-8",
        )


def kernels(pixels: Sequence[float] | npt.NDArray[np.floating], kernel: npt.NDArray[np.floating]) -> Kernels:
    """What Keras' convolution makes of a line of pixels, beside NumPy's convolution and correlation, and a matrix."""
    layer = keras.layers.Conv1D(1, len(kernel), use_bias=False)
    layer.build((None, len(pixels), 1))
    layer.set_weights([np.reshape(kernel, (-1, 1, 1))])
    matrix = np.asarray(unrolled_densely(layer).kernel).T
    return Kernels(
        pixels=tuple(pixels),
        kernel=tuple(kernel),
        keras=tuple(np.asarray(layer(np.reshape(pixels, (1, -1, 1)).astype("float32"))).ravel().tolist()),
        correlation=tuple(np.correlate(pixels, kernel, "valid").tolist()),
        convolution=tuple(np.convolve(pixels, kernel, "valid").tolist()),
        convolution_of_flipped=tuple(np.convolve(pixels, kernel[::-1], "valid").tolist()),
        matrix=tuple(tuple(row) for row in matrix.tolist()),
        product=tuple((matrix @ pixels).tolist()),
    )


def unrollings(*, seed: int) -> Iterator[Unrolling]:
    """How far the unrolled forms of convolutions are from these, on random images and weights."""
    rng = np.random.default_rng(seed)
    paddings: tuple[Padding, ...] = ("valid", "same")
    for dimensions, stride, padding in product((1, 2), (1, 2), paddings):
        kind: Any = {1: keras.layers.Conv1D, 2: keras.layers.Conv2D}[dimensions]
        layer = kind(4, 3, strides=stride, padding=padding)
        shape = (16,) * dimensions + (2,)
        layer.build((None, *shape))
        layer.set_weights([rng.normal(size=weight.shape).astype("float32") for weight in layer.weights])
        images = rng.normal(size=(32, *shape)).astype("float32")
        answers = np.asarray(layer(images))
        forms = [np.asarray(form(layer)(images)) for form in (unrolled_locally, unrolled_densely)]
        largest = float(np.abs(answers).max())
        locally, densely = (float(np.abs(form.reshape(answers.shape) - answers).max()) for form in forms)
        yield Unrolling(
            dimensions,
            stride,
            padding,
            weights([16] * dimensions, 3, stride=stride, padding=padding, channels=2, maps=4),
            locally / largest,
            densely / largest,
        )
