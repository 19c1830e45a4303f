"""The lecture's network: convolutions with shared weights, each followed by pooling, then one hidden layer.

Sizes for a 64×64×1 image and the default options.
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
    """Standardised images to class probabilities.

    `filters` holds the number of maps of each convolution, `kernel_size` their side in pixels, `units` the number of
    hidden units. Each convolution keeps the size of its maps and the pooling after it halves them, rounding down, so
    an image must measure at least 2 ** len(filters) pixels.
    """
    image = x = keras.Input(input_shape, name="image")  # 64, 64, 1
    for depth, maps in enumerate(filters, start=1):  # 64, 64, 16 and 32, 32, 32
        x = layers.Conv2D(maps, kernel_size, padding="same", activation="relu", name=f"conv{depth}")(x)
        x = layers.MaxPooling2D(2, name=f"pool{depth}")(x)  # 32, 32, 16 and 16, 16, 32
    x = layers.Flatten(name="flatten")(x)  # 8192
    x = layers.Dense(units, activation="relu", name="hidden")(x)
    return keras.Model(image, classifier(classes)(x), name="lecture_cnn")
