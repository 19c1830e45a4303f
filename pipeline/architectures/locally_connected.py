"""The lecture's network with a separate kernel at each position instead of shared weights.

It lies between `fully_connected` and `lecture_cnn`, like "Net-3" in LeCun 1989 (The Elements of Statistical Learning,
section 11.7). Compared with the first, it shows the effect of local windows; compared with the second, that of weight
sharing. Shapes in comments are for a 64×64×1 image and the default options.
"""

from typing import Annotated

import keras
from keras import layers
from pydantic import Field, PositiveInt

from pipeline.layers.classifier import classifier
from pipeline.layers.locally_connected import LocallyConnected2D


def build(
    input_shape: tuple[int, int, int],
    classes: int,
    *,
    filters: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (16, 32),
    kernel_size: PositiveInt = 3,
    units: PositiveInt = 100,
) -> keras.Model:
    """Build the model: standardised images to class probabilities.

    Options and minimum image size are those of `lecture_cnn`. The number of parameters grows with the image area.
    """
    image = x = keras.Input(input_shape, name="image")  # 64, 64, 1
    for depth, maps in enumerate(filters, start=1):  # 64, 64, 16 and 32, 32, 32
        x = LocallyConnected2D(maps, kernel_size, padding="same", activation="relu", name=f"local{depth}")(x)
        x = layers.MaxPooling2D(2, name=f"pool{depth}")(x)  # 32, 32, 16 and 16, 16, 32
    x = layers.Flatten(name="flatten")(x)  # 8192
    x = layers.Dense(units, activation="relu", name="hidden")(x)
    return keras.Model(image, classifier(classes)(x), name="locally_connected")
