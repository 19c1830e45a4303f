"""The lecture's network with two outputs, the class of an image and its subgroup.

In `data: elpv` it predicts the type of the solar module, monocrystalline or polycrystalline, in addition to the defect.
All layers except the outputs are shared, so that each task may improve the other (Caruana 1997, "Multitask learning").
The losses are added. Shapes in comments are for a 64×64×1 image and the default options.
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
    """Build the model: standardised images to class probabilities and subgroup probabilities.

    Options and minimum image size are those of `lecture_cnn`.
    """
    image = x = keras.Input(input_shape, name="image")  # 64, 64, 1
    for depth, maps in enumerate(filters, start=1):  # 64, 64, 16 and 32, 32, 32
        x = layers.Conv2D(maps, kernel_size, padding="same", activation="relu", name=f"conv{depth}")(x)
        x = layers.MaxPooling2D(2, name=f"pool{depth}")(x)  # 32, 32, 16 and 16, 16, 32
    x = layers.Flatten(name="flatten")(x)  # 8192
    x = layers.Dense(units, activation="relu", name="hidden")(x)
    outputs = [classifier(classes)(x), classifier(subgroups, name="subgroup")(x)]
    return keras.Model(image, outputs, name="two_outputs")
