"""MobileNet (Howard et al. 2017, "MobileNets: efficient convolutional neural networks for mobile vision applications").

Every 3×3 convolution but the first is taken apart: one kernel per map (depthwise), then a 1×1 convolution that mixes
the maps (pointwise), which costs an eighth to a ninth. The paper's network is `width=1` and `stem_strides=2`: 4.2
million parameters and 569 million multiply–accumulates for 224×224×3 images and 1,000 classes. Table 1 gives stride 2
to both of the last depthwise layers; by its sizes only the first of them halves. Sizes for a 64×64×1 image and the
default options.
"""

from typing import Annotated, Any

import keras
from keras import layers
from pydantic import Field, NonNegativeInt

from pipeline.layers.classifier import classifier


def build(
    input_shape: tuple[int, int, int],
    classes: int,
    *,
    width: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 0.25,
    repeats: NonNegativeInt = 5,
    stem_strides: Annotated[int, Field(ge=1, le=2)] = 1,
) -> keras.Model:
    """Standardised images to class probabilities.

    `width` is the paper's α, which multiplies the number of maps of every layer, rounding down, but never below 1.
    `repeats` is the number of equal blocks of 512 α maps, of which the paper has 5, and 0 in its shallow network.
    `stem_strides` is the stride of the first convolution. Sides are rounded up wherever they are halved, so any image
    will do.
    """
    body = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * repeats, (1024, 2), (1024, 1)]
    image = keras.Input(input_shape, name="image")  # 64, 64, 1
    x = layers.Conv2D(_scaled(32, width), 3, strides=stem_strides, padding="same", use_bias=False, name="stem")(
        image
    )  # 64, 64, 8
    x = _activated(x, name="stem")
    for block, (maps, strides) in enumerate(body, start=1):  # 64, 64, 16; 32, 32, 32; …; 4, 4, 256
        x = layers.DepthwiseConv2D(3, strides=strides, padding="same", use_bias=False, name=f"block{block}_depthwise")(
            x
        )
        x = _activated(x, name=f"block{block}_depthwise")
        x = layers.Conv2D(_scaled(maps, width), 1, use_bias=False, name=f"block{block}_pointwise")(x)
        x = _activated(x, name=f"block{block}_pointwise")
    x = layers.GlobalAveragePooling2D(name="average")(x)  # 256
    return keras.Model(image, classifier(classes)(x), name="mobilenet")


def _activated(x: Any, *, name: str) -> Any:
    x = layers.BatchNormalization(name=f"{name}_norm")(x)
    return layers.ReLU(name=f"{name}_relu")(x)


def _scaled(maps: int, width: float) -> int:
    return max(int(maps * width), 1)
