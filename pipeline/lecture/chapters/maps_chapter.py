"""Two kernels give two feature maps."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.lecture.material import Chapter, Material, grey, tiles

KERNELS = {
    "vertical": np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]),
    "horizontal": np.array([[1, 2, 1], [0, 0, 0], [-1, -2, -1]]),
}
"""The kernels of Sobel: they respond to vertical and to horizontal edges."""
DIGIT = 4


def correlated(image: NDArray[Any], kernel: NDArray[Any]) -> NDArray[Any]:
    """The feature map of a kernel with padding `same` and activation relu, shape of the image."""
    half = len(kernel) // 2
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(image, half), kernel.shape)
    response: NDArray[Any] = np.maximum((windows * kernel).sum(axis=(2, 3)), 0)
    return response


def _values(material: Material) -> Mapping[str, Any]:
    image = material.trained.example(DIGIT)[..., 0].astype(int)
    maps = [correlated(image, kernel) for kernel in KERNELS.values()]
    largest = float(np.max(maps))
    sheet = tiles([grey(image, 255), *(grey(one, largest) for one in maps)], 3, factor=8, gap=16)
    second = material.trained.network.get_layer("conv2")
    channels, filters = second.kernel.shape[2:]
    return {
        "kernels": {name: kernel.tolist() for name, kernel in KERNELS.items()},
        "picture": material.picture(
            "two-feature-maps",
            sheet,
            f"A digit {DIGIT}, the map of its vertical edges and the map of its horizontal edges.",
        ),
        "digit": DIGIT,
        "taps": next(iter(KERNELS.values())).size,
        "channels": channels,
        "filters": filters,
        "window": second.kernel.shape[0],
        "parameters": second.count_params(),
    }


CHAPTER = Chapter(
    "feature-maps",
    "Several feature maps",
    "Each kernel looks for one pattern and gives one map.",
    _values,
)
