"""The lecture's network with two inputs: an image and its subgroup to class probabilities.

In `data: elpv` the subgroup is the type of the solar module, monocrystalline or polycrystalline, which is known in
maintenance. It is appended to the image features before the hidden layer. Shapes in comments are for a 64×64×1 image,
two subgroups and the default options.
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
    subgroups: int,
    filters: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (16, 32),
    kernel_size: PositiveInt = 3,
    units: PositiveInt = 100,
) -> keras.Model:
    """Build the model: standardised images and one-hot subgroups to class probabilities.

    Options and minimum image size are those of `lecture_cnn`.
    """
    image = x = keras.Input(input_shape, name="image")  # 64, 64, 1
    for depth, maps in enumerate(filters, start=1):  # 64, 64, 16 and 32, 32, 32
        x = layers.Conv2D(maps, kernel_size, padding="same", activation="relu", name=f"conv{depth}")(x)
        x = layers.MaxPooling2D(2, name=f"pool{depth}")(x)  # 32, 32, 16 and 16, 16, 32
    x = layers.Flatten(name="flatten")(x)  # 8192
    subgroup = keras.Input((subgroups,), name="subgroup")
    x = layers.Concatenate(name="image_and_subgroup")([x, subgroup])  # 8194
    x = layers.Dense(units, activation="relu", name="hidden")(x)
    return keras.Model([image, subgroup], classifier(classes)(x), name="two_inputs")
