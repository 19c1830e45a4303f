"""VGG (Simonyan & Zisserman 2015, "Very deep convolutional networks for large-scale image recognition", section 2).

The network maps an image to class probabilities: blocks of 3×3 convolutions with pooling at the end, then fully
connected layers with dropout. The paper's configuration D, known as VGG-16, is `blocks=[[2, 64], [2, 128], [3, 256],
[3, 512], [3, 512]]` and `units=[4096, 4096]`, with 138,357,544 parameters for 224×224×3 images and 1,000 classes.
Initial weights follow Glorot & Bengio 2010, which according to the paper makes its pretraining of shallower networks
unnecessary. Two options replace parts that later networks no longer have: batch normalisation after each convolution
(Ioffe & Szegedy 2015), and global average pooling instead of fully connected layers (Lin et al. 2014, "Network in
network"). Shapes in comments are for a 64×64×1 image and the default options.
"""

from typing import Annotated, Any, Literal

import keras
from keras import layers
from pydantic import Field, PositiveInt

from pipeline.layers.classifier import classifier

MOMENTUM = 0.9
"""Of the moving statistics of batch normalisation; Keras' 0.99 would need more steps than a short training has."""


def build(
    input_shape: tuple[int, int, int],
    classes: int,
    *,
    blocks: Annotated[tuple[tuple[PositiveInt, PositiveInt], ...], Field(min_length=1)] = ((1, 16), (1, 32), (2, 64)),
    batch_normalization: bool = False,
    head: Literal["flatten", "global_average"] = "flatten",
    units: tuple[PositiveInt, ...] = (128, 128),
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.5,
) -> keras.Model:
    """Build the model: standardised images to class probabilities.

    Args:
        input_shape: Rows, columns and channels of the image, at least `2 ** len(blocks)` rows and columns.
        classes: Number of classes.
        blocks: Number of convolutions and of maps of each block. Every block halves the maps, rounding down.
        batch_normalization: Whether batch normalisation precedes the activation of each convolution and replaces its
            bias.
        head: `flatten` the maps of the last block, or reduce each of them to its mean: `global_average`.
        units: Sizes of the fully connected layers before the output; may be empty.
        dropout: Share of the outputs of these layers that is dropped in training. Without such layers, the share of
            the outputs of the head.
    """
    image = x = keras.Input(input_shape, name="image")  # 64, 64, 1
    for block, (convolutions, maps) in enumerate(blocks, start=1):  # 32, 32, 16; 16, 16, 32; 8, 8, 64
        for depth in range(1, convolutions + 1):
            name = f"block{block}_conv{depth}"
            x = _convolution(x, maps, batch_normalization=batch_normalization, name=name)
        x = layers.MaxPooling2D(2, name=f"block{block}_pool")(x)
    join = layers.Flatten(name="flatten") if head == "flatten" else layers.GlobalAveragePooling2D(name="average")
    x = join(x)  # 4096
    for depth, width in enumerate(units, start=1):
        x = layers.Dense(width, activation="relu", name=f"fc{depth}")(x)
        x = layers.Dropout(dropout, name=f"fc{depth}_dropout")(x)
    if not units:
        x = layers.Dropout(dropout, name="dropout")(x)
    return keras.Model(image, classifier(classes)(x), name="vgg")


def _convolution(x: Any, maps: int, *, batch_normalization: bool, name: str) -> Any:
    """A 3×3 convolution with ReLU, and batch normalisation between them if wanted."""
    if not batch_normalization:
        return layers.Conv2D(maps, 3, padding="same", activation="relu", name=name)(x)
    x = layers.Conv2D(maps, 3, padding="same", use_bias=False, name=name)(x)
    x = layers.BatchNormalization(momentum=MOMENTUM, name=f"{name}_norm")(x)
    return layers.ReLU(name=f"{name}_relu")(x)
