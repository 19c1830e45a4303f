"""VGG (Simonyan & Zisserman 2015, "Very deep convolutional networks for large-scale image recognition", section 2).

The network maps an image to class probabilities: blocks of 3×3 convolutions with pooling at the end, then fully
connected layers with dropout. The paper's configuration D, known as VGG-16, is `blocks=[[2, 64], [2, 128], [3, 256],
[3, 512], [3, 512]]` and `units=[4096, 4096]`, with 138,357,544 parameters for 224×224×3 images and 1,000 classes.
Initial weights follow Glorot & Bengio 2010, which according to the paper makes its pretraining of shallower networks
unnecessary. Shapes in comments are for a 64×64×1 image and the default options.
"""

from typing import Annotated

import keras
from keras import layers
from pydantic import Field, PositiveInt

from pipeline.layers.classifier import classifier


def build(
    input_shape: tuple[int, int, int],
    classes: int,
    *,
    blocks: Annotated[tuple[tuple[PositiveInt, PositiveInt], ...], Field(min_length=1)] = ((1, 16), (1, 32), (2, 64)),
    units: tuple[PositiveInt, ...] = (128, 128),
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.5,
) -> keras.Model:
    """Build the model: standardised images to class probabilities.

    Args:
        input_shape: Rows, columns and channels of the image, at least `2 ** len(blocks)` rows and columns.
        classes: Number of classes.
        blocks: Number of convolutions and of maps of each block. Every block halves the maps, rounding down.
        units: Sizes of the fully connected layers before the output.
        dropout: Share of the outputs of these layers that is dropped in training.
    """
    image = x = keras.Input(input_shape, name="image")  # 64, 64, 1
    for block, (convolutions, maps) in enumerate(blocks, start=1):  # 32, 32, 16; 16, 16, 32; 8, 8, 64
        for depth in range(1, convolutions + 1):
            name = f"block{block}_conv{depth}"
            x = layers.Conv2D(maps, 3, padding="same", activation="relu", name=name)(x)
        x = layers.MaxPooling2D(2, name=f"block{block}_pool")(x)
    x = layers.Flatten(name="flatten")(x)  # 4096
    for depth, width in enumerate(units, start=1):
        x = layers.Dense(width, activation="relu", name=f"fc{depth}")(x)
        x = layers.Dropout(dropout, name=f"fc{depth}_dropout")(x)
    return keras.Model(image, classifier(classes)(x), name="vgg")
