"""The kernels and the feature maps of a trained network."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from pipeline.interpretation.kernel_image import kernel_grid
from pipeline.lecture.material import TRAIN, Chapter, Material, grey, tiles

DIGIT = 4
MODEL = "lecture_cnn_mnist"
"""The same network in the comparison, with the recipe that a search found."""


def _values(material: Material) -> Mapping[str, Any]:
    trained = material.trained
    network, image = trained.network, trained.example(DIGIT)
    names = ("conv1", "conv2")
    between = keras.Model(network.input, [network.get_layer(name).output for name in names])
    maps = [np.asarray(one)[0] for one in between(trained.standardise(image[np.newaxis]))]
    kernels = np.asarray(network.get_layer("conv1").kernel)
    sheets = [
        tiles([grey(layer[..., place]) for place in range(layer.shape[-1])], 8, factor=factor)
        for layer, factor in zip(maps, (3, 4), strict=True)
    ]
    return {
        "train": TRAIN,
        "digit": DIGIT,
        "kernels": material.picture(
            "kernels", kernel_grid(kernels), f"The {kernels.shape[-1]} kernels of the first convolution.", factor=2
        ),
        "first": material.picture("maps-conv1", sheets[0], f"The {maps[0].shape[-1]} maps of the first convolution."),
        "second": material.picture("maps-conv2", sheets[1], f"The {maps[1].shape[-1]} maps of the second convolution."),
        "shapes": [one.shape for one in maps],
        "silent": sum(not layer[..., place].any() for layer in maps for place in range(layer.shape[-1])),
        "report": material.learned(MODEL, "feature-maps", f"A test image and the feature maps of {MODEL}."),
        "model": MODEL,
    }


CHAPTER = Chapter(
    "trained-kernels",
    "Kernels and maps of a trained network",
    "Training finds the kernels; nobody designs them.",
    _values,
)
