"""The lecture's network with numbers as a second input: an image and its numbers to class probabilities.

The numbers come from columns of a table (`data: table`, option `numbers`), such as a temperature or an age. They are
standardised and appended to the image features before the hidden layer. Shapes in comments are for a 64×64×1 image, two
numbers and the default options.
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
    numbers: int,
    filters: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (16, 32),
    kernel_size: PositiveInt = 3,
    units: PositiveInt = 100,
) -> keras.Model:
    """Build the model: standardised images and numbers to class probabilities.

    Options and minimum image size are those of `lecture_cnn`.
    """
    image = x = keras.Input(input_shape, name="image")  # 64, 64, 1
    for depth, maps in enumerate(filters, start=1):  # 64, 64, 16 and 32, 32, 32
        x = layers.Conv2D(maps, kernel_size, padding="same", activation="relu", name=f"conv{depth}")(x)
        x = layers.MaxPooling2D(2, name=f"pool{depth}")(x)  # 32, 32, 16 and 16, 16, 32
    x = layers.Flatten(name="flatten")(x)  # 8192
    known = keras.Input((numbers,), name="numbers")
    x = layers.Concatenate(name="image_and_numbers")([x, known])  # 8194
    x = layers.Dense(units, activation="relu", name="hidden")(x)
    return keras.Model([image, known], classifier(classes)(x), name="image_and_numbers")
