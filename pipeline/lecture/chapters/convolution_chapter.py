"""The convolution operator, and that Keras computes a cross-correlation."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from pipeline.lecture.material import Chapter, Material
from pipeline.lecture.sliding_figure import computing_figure
from pipeline.studies.connectivity.connectivity_study import KERNEL, PIXELS
from pipeline.studies.connectivity.convolution_forms import convolution_example

IMAGE = np.array([[0, 0, 0, 0, 0], [0, 1, 2, 0, 0], [0, 1, 2, 0, 0], [0, 1, 2, 0, 0], [0, 0, 0, 0, 0]])
WEIGHTS = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])


def _values(material: Material) -> Mapping[str, Any]:
    example = convolution_example(PIXELS, KERNEL)
    if not example.keras == example.correlation == example.convolution_of_flipped == example.product:
        raise ValueError(f"The four forms of the same layer must agree. Received {example}.")
    terms = [f"{weight:g} · {pixel:g}" for weight, pixel in zip(KERNEL, PIXELS, strict=False)]
    return {
        "example": example,
        "first": f"{' + '.join(terms)} = {example.keras[0]:g}",
        "moving": computing_figure(
            "convolution",
            "A kernel of 3 × 3 weights slides over an image of 5 × 5 pixels; each position gives one sum.",
            IMAGE,
            WEIGHTS,
        ),
    }


CHAPTER = Chapter(
    "convolution",
    "The convolution operator",
    "Multiply a window by a kernel, add the products, and move on. Keras does not flip the kernel.",
    _values,
)
