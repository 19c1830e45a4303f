"""The lecture's network with a second output: of which subgroup the image is, beside its class.

On `data: elpv` it tells the type of the solar module, mono- or polycrystalline, as well as whether the cell is
defective. All layers but the last are shared, so that what is learned for one answer may help the other (Caruana 1997,
"Multitask learning"); the losses are added. Sizes for a 64×64×1 image and the default options.
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
    """Standardised images to the probabilities of their class and of their subgroup.

    The options and the least size of an image are those of `lecture_cnn`.
    """
    image = x = keras.Input(input_shape, name="image")  # 64, 64, 1
    for depth, maps in enumerate(filters, start=1):  # 64, 64, 16 and 32, 32, 32
        x = layers.Conv2D(maps, kernel_size, padding="same", activation="relu", name=f"conv{depth}")(x)
        x = layers.MaxPooling2D(2, name=f"pool{depth}")(x)  # 32, 32, 16 and 16, 16, 32
    x = layers.Flatten(name="flatten")(x)  # 8192
    x = layers.Dense(units, activation="relu", name="hidden")(x)
    answers = [classifier(classes)(x), classifier(subgroups, name="subgroup")(x)]
    return keras.Model(image, answers, name="two_outputs")
