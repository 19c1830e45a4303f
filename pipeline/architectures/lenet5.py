"""LeNet-5 (LeCun et al. 1998, "Gradient-based learning applied to document recognition", section II-B).

Layers carry the paper's names. What differs from the paper by default: every map of C3 sees all maps of S2 (the paper
leaves out some, for 60,000 parameters before the output instead of 61,706 with the output and ten classes); S2 and S4
take plain averages, without a trainable coefficient and bias. Both are options. What differs always: tanh is not scaled
to 1.7159 tanh(2x/3), and the output is the classes' probabilities, from trained weights (850 with ten classes), instead
of distances to drawn digits (840 connections with fixed weights).
"""

from typing import Literal

import keras
from keras import layers

from pipeline.layers.classifier import classifier
from pipeline.layers.connection_table import TableConv2D
from pipeline.layers.subsampling import Subsampling2D

_SIDE = 32
"""Pixels; the paper pads its 28×28 digits to this size, so that strokes may end in the middle of C5's field."""

_TABLE_I = (
    *((first, (first + 1) % 6, (first + 2) % 6) for first in range(6)),
    *((first, (first + 1) % 6, (first + 2) % 6, (first + 3) % 6) for first in range(6)),
    *((first, first + 1, (first + 3) % 6, (first + 4) % 6) for first in range(3)),
    tuple(range(6)),
)
"""The maps of S2 that each map of C3 sees (table I): neighbours by three and by four, two pairs of them, and all."""


def build(
    input_shape: tuple[int, int, int],
    classes: int,
    *,
    activation: Literal["tanh", "relu", "sigmoid"] = "tanh",
    connections: Literal["dense", "table"] = "dense",
    subsampling: Literal["average", "trainable"] = "average",
) -> keras.Model:
    """Standardised images to class probabilities.

    Images smaller than 32×32 are padded with zeros to that size; with larger ones the maps of C5 have several
    positions, which F6 sees all. `connections` says which maps of S2 those of C3 see, all or those of the paper's
    table I; `subsampling` whether S2 and S4 take averages or, as the paper's, sums times a trainable coefficient plus a
    trainable bias, then `activation`.
    """
    image = x = keras.Input(input_shape, name="image")
    missing = [max(_SIDE - side, 0) for side in input_shape[:2]]
    if any(missing):
        x = layers.ZeroPadding2D([(total // 2, total - total // 2) for total in missing], name="padding")(x)

    def halving(name: str) -> keras.layers.Layer:
        if subsampling == "average":
            return layers.AveragePooling2D(2, name=name)
        return Subsampling2D((2, 2), activation=activation, name=name)

    x = layers.Conv2D(6, 5, activation=activation, name="c1")(x)  # 28, 28, 6 of 32, 32, 1
    x = halving("s2")(x)  # 14, 14, 6
    if connections == "dense":
        x = layers.Conv2D(16, 5, activation=activation, name="c3")(x)  # 10, 10, 16
    else:
        x = TableConv2D(_TABLE_I, (5, 5), activation=activation, name="c3")(x)
    x = halving("s4")(x)  # 5, 5, 16
    x = layers.Conv2D(120, 5, activation=activation, name="c5")(x)  # 1, 1, 120
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(84, activation=activation, name="f6")(x)
    return keras.Model(image, classifier(classes)(x), name="lenet5")
