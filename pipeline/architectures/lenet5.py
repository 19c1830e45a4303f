"""LeNet-5 (LeCun et al. 1998, "Gradient-based learning applied to document recognition", section II-B).

The network maps an image to class probabilities. Layers have the names of the paper. Differences from the paper by
default, both optional: every map of C3 is connected to all maps of S2, which gives 61,706 parameters for ten classes
(60,000 before the output in the paper), and S2 and S4 are plain averages without trainable coefficient and bias.
Differences in any case: tanh is not scaled to 1.7159 tanh(2x/3), and the output is a trained softmax (850 weights for
ten classes) instead of distances to fixed prototypes (840 connections with fixed weights).
"""

from typing import Literal

import keras
from keras import layers

from pipeline.layers.classifier import classifier
from pipeline.layers.connection_table import TableConv2D
from pipeline.layers.subsampling import Subsampling2D

_SIDE = 32
"""Side of the padded image in pixels. As in the paper, the end of a stroke can be at the centre of C5's field."""

_TABLE_I = (
    *((first, (first + 1) % 6, (first + 2) % 6) for first in range(6)),
    *((first, (first + 1) % 6, (first + 2) % 6, (first + 3) % 6) for first in range(6)),
    *((first, first + 1, (first + 3) % 6, (first + 4) % 6) for first in range(3)),
    tuple(range(6)),
)
"""The maps of S2 connected to each map of C3 (table I): three or four in a row, two pairs, and all."""


def build(
    input_shape: tuple[int, int, int],
    classes: int,
    *,
    activation: Literal["tanh", "relu", "sigmoid"] = "tanh",
    connections: Literal["dense", "table"] = "dense",
    subsampling: Literal["average", "trainable"] = "average",
) -> keras.Model:
    """Build the model: standardised images to class probabilities.

    Args:
        input_shape: Rows, columns and channels of the image. Sides below 32 pixels are padded with zeros to 32. With
            larger images, C5 has several positions, and F6 reads all of them.
        classes: Number of classes.
        activation: Activation of all hidden layers.
        connections: `dense` connects all maps of S2 and C3, `table` those of the paper's table I.
        subsampling: `average`, or `trainable` for the paper's sum times a coefficient plus a bias, then `activation`.
    """
    image = x = keras.Input(input_shape, name="image")
    missing = [max(_SIDE - side, 0) for side in input_shape[:2]]
    if any(missing):
        x = layers.ZeroPadding2D([(total // 2, total - total // 2) for total in missing], name="padding")(x)

    def subsample(name: str) -> keras.layers.Layer:
        if subsampling == "average":
            return layers.AveragePooling2D(2, name=name)
        return Subsampling2D((2, 2), activation=activation, name=name)

    x = layers.Conv2D(6, 5, activation=activation, name="c1")(x)  # 28, 28, 6 (from 32, 32, 1)
    x = subsample("s2")(x)  # 14, 14, 6
    if connections == "dense":
        x = layers.Conv2D(16, 5, activation=activation, name="c3")(x)  # 10, 10, 16
    else:
        x = TableConv2D(_TABLE_I, (5, 5), activation=activation, name="c3")(x)
    x = subsample("s4")(x)  # 5, 5, 16
    x = layers.Conv2D(120, 5, activation=activation, name="c5")(x)  # 1, 1, 120
    x = layers.Flatten(name="flatten")(x)  # 120
    x = layers.Dense(84, activation=activation, name="f6")(x)  # 84
    return keras.Model(image, classifier(classes)(x), name="lenet5")
