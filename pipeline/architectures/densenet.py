"""DenseNet (Huang et al. 2017, "Densely connected convolutional networks", section 3).

The paper's form for small images: within a block every layer takes the maps of all layers before it and adds `growth`
of its own. `blocks=[12, 12, 12]` is the paper's L = 40 with k = 12, of 1.0 million parameters; `blocks=[16, 16, 16]`
with `bottleneck` and `compression=0.5` its DenseNet-BC with L = 100, of 0.8 million. Without the paper's dropout of
0.2, which it takes where images are not augmented. Sizes for a 64×64×1 image and the default options.
"""

from typing import Annotated, Any

import keras
from keras import layers
from pydantic import Field, PositiveInt

from pipeline.layers.classifier import classifier


def build(
    input_shape: tuple[int, int, int],
    classes: int,
    *,
    blocks: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (3, 3, 3),
    growth: PositiveInt = 12,
    bottleneck: bool = False,
    compression: Annotated[float, Field(gt=0, le=1)] = 1.0,
) -> keras.Model:
    """Standardised images to class probabilities.

    `blocks` holds the number of layers of each block, `growth` is the paper's k. With `bottleneck` a 1×1 convolution to
    4k maps precedes each 3×3 convolution. Between blocks a 1×1 convolution keeps `compression` of the maps, the paper's
    θ, and pooling halves them, rounding down, so an image must measure at least 2 ** (len(blocks) - 1) pixels.
    """
    image = keras.Input(input_shape, name="image")  # 64, 64, 1
    # 16 maps, or 2k for DenseNet-BC.
    x = _convolution(image, 2 * growth if bottleneck and compression < 1 else 16, 3, name="stem")  # 64, 64, 16
    for block, depth in enumerate(blocks, start=1):  # 64, 64, 52; 32, 32, 88; 16, 16, 124
        if block > 1:
            x = _transition(x, int(x.shape[-1] * compression) or 1, name=f"transition{block - 1}")
        for layer in range(1, depth + 1):
            name = f"block{block}_layer{layer}"
            new = _activated(x, name=name)
            if bottleneck:
                new = _convolution(new, 4 * growth, 1, name=f"{name}_reduce")
                new = _activated(new, name=f"{name}_reduce")
            new = _convolution(new, growth, 3, name=f"{name}_conv")
            x = layers.Concatenate(name=name)([x, new])
    x = _activated(x, name="end")
    x = layers.GlobalAveragePooling2D(name="average")(x)  # 124
    return keras.Model(image, classifier(classes)(x), name="densenet")


def _transition(x: Any, maps: int, *, name: str) -> Any:
    x = _activated(x, name=name)
    x = _convolution(x, maps, 1, name=f"{name}_conv")
    return layers.AveragePooling2D(2, name=f"{name}_pool")(x)


def _activated(x: Any, *, name: str) -> Any:
    x = layers.BatchNormalization(name=f"{name}_norm")(x)
    return layers.ReLU(name=f"{name}_relu")(x)


def _convolution(x: Any, maps: int, kernel_size: int, *, name: str) -> Any:
    return layers.Conv2D(
        maps,
        kernel_size,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",  # as in the paper
        name=name,
    )(x)
