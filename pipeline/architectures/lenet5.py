"""LeNet-5 (LeCun et al. 1998, "Gradient-based learning applied to document recognition", section II-B).

Layers carry the paper's names. What differs from the paper: every map of C3 sees all maps of S2 (the paper leaves out
some, for 60,000 parameters instead of 61,706 with ten classes); S2 and S4 take plain averages, without a trainable
coefficient and bias; tanh is not scaled to 1.7159 tanh(2x/3); and the output is the classes' probabilities instead of
distances to drawn digits.
"""

from typing import Literal

import keras
from keras import layers

from pipeline.layers.classifier import classifier

_SIDE = 32
"""Pixels; the paper pads its 28×28 digits to this size, so that strokes may end in the middle of C5's field."""


def build(
    input_shape: tuple[int, int, int],
    classes: int,
    *,
    activation: Literal["tanh", "relu", "sigmoid"] = "tanh",
) -> keras.Model:
    """Standardised images to class probabilities.

    Images smaller than 32×32 are padded with zeros to that size; with larger ones the maps of C5 have several
    positions, which F6 sees all.
    """
    image = x = keras.Input(input_shape, name="image")
    missing = [max(_SIDE - side, 0) for side in input_shape[:2]]
    if any(missing):
        x = layers.ZeroPadding2D([(total // 2, total - total // 2) for total in missing], name="padding")(x)
    x = layers.Conv2D(6, 5, activation=activation, name="c1")(x)  # 28, 28, 6 of 32, 32, 1
    x = layers.AveragePooling2D(2, name="s2")(x)  # 14, 14, 6
    x = layers.Conv2D(16, 5, activation=activation, name="c3")(x)  # 10, 10, 16
    x = layers.AveragePooling2D(2, name="s4")(x)  # 5, 5, 16
    x = layers.Conv2D(120, 5, activation=activation, name="c5")(x)  # 1, 1, 120
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(84, activation=activation, name="f6")(x)
    return keras.Model(image, classifier(classes)(x), name="lenet5")
