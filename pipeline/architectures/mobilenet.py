"""MobileNet (Howard et al. 2017, "MobileNets: efficient convolutional neural networks for mobile vision applications").

The network maps an image to class probabilities. Every 3×3 convolution except the first is factorised into a depthwise
convolution (one kernel per map) and a 1×1 pointwise convolution that mixes the maps, at one eighth to one ninth of the
cost. The paper's network is `width=1` and `stem_strides=2`: 4.2 million parameters and 569 million
multiply–accumulates for 224×224×3 images and 1,000 classes. Table 1 of the paper lists stride 2 for both of the last
depthwise layers, but its sizes imply that only the first of them halves the maps. Shapes in comments are for a 64×64×1
image and the default options.
"""

from typing import Annotated

import keras
from keras import layers
from pydantic import Field, NonNegativeInt

from pipeline.layers.classifier import classifier
from pipeline.layers.normalized_relu import batch_normalized_relu


def build(
    input_shape: tuple[int, int, int],
    classes: int,
    *,
    width: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 0.25,
    repeats: NonNegativeInt = 5,
    stem_strides: Annotated[int, Field(ge=1, le=2)] = 1,
) -> keras.Model:
    """Build the model: standardised images to class probabilities.

    Sides are rounded up wherever they are halved, so images may have any size.

    Args:
        input_shape: Rows, columns and channels of the image.
        classes: Number of classes.
        width: Factor by which the number of maps of every layer is multiplied, the paper's α; rounded down, at least 1.
        repeats: Number of equal blocks with 512 α maps: 5 in the paper, 0 in its shallow network.
        stem_strides: Stride of the first convolution.
    """
    body = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * repeats, (1024, 2), (1024, 1)]
    image = keras.Input(input_shape, name="image")  # 64, 64, 1
    x = layers.Conv2D(_scaled(32, width), 3, strides=stem_strides, padding="same", use_bias=False, name="stem")(
        image
    )  # 64, 64, 8
    x = batch_normalized_relu(x, name="stem")
    for block, (maps, strides) in enumerate(body, start=1):  # 64, 64, 16; 32, 32, 32; …; 4, 4, 256
        x = layers.DepthwiseConv2D(3, strides=strides, padding="same", use_bias=False, name=f"block{block}_depthwise")(
            x
        )
        x = batch_normalized_relu(x, name=f"block{block}_depthwise")
        x = layers.Conv2D(_scaled(maps, width), 1, use_bias=False, name=f"block{block}_pointwise")(x)
        x = batch_normalized_relu(x, name=f"block{block}_pointwise")
    x = layers.GlobalAveragePooling2D(name="average")(x)  # 256
    return keras.Model(image, classifier(classes)(x), name="mobilenet")


def _scaled(maps: int, width: float) -> int:
    return max(int(maps * width), 1)
