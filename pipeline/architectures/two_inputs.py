"""The lecture's network with a second input: what the image's subgroup is, beside the image.

On `data: elpv` the subgroup is the type of the solar module, mono- or polycrystalline, which a maintenance crew knows.
It joins the features of the image before the hidden layer. Sizes for a 64×64×1 image and the default options.
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
    """Standardised images, and their subgroups one-hot, to class probabilities.

    The options and the least size of an image are those of `lecture_cnn`.
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
