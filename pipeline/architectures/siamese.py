"""Siamese network: a pair of images to the probability that both show the same class.

Both images pass through the same layers, those of the lecture's network (Bromley et al. 1993, "Signature verification
using a siamese time delay neural network"). The prediction depends on the squared difference of each feature (Koch et
al. 2015 use absolute differences). Shapes in comments are for 64×64×1 images and the default options.
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
    filters: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (16, 32),
    kernel_size: PositiveInt = 3,
    units: PositiveInt = 100,
) -> keras.Model:
    """Build the model: pairs of standardised images to the probability that both show the same class.

    `classes` has no effect. Options and minimum image size are those of `lecture_cnn`.
    """
    shared: list[keras.layers.Layer] = []
    for depth, maps in enumerate(filters, start=1):  # 64, 64, 16 and 32, 32, 32
        shared.append(layers.Conv2D(maps, kernel_size, padding="same", activation="relu", name=f"conv{depth}"))
        shared.append(layers.MaxPooling2D(2, name=f"pool{depth}"))  # 32, 32, 16 and 16, 16, 32
    shared += [layers.Flatten(name="flatten"), layers.Dense(units, activation="relu", name="hidden")]  # 8192, 100
    image, partner = (keras.Input(input_shape, name=name) for name in ("image", "partner"))
    left, right = image, partner
    for layer in shared:
        left, right = layer(left), layer(right)
    difference = layers.Subtract(name="difference")([left, right])
    squared = layers.Multiply(name="squared_difference")([difference, difference])
    return keras.Model([image, partner], classifier(2, name="same")(squared), name="siamese")
