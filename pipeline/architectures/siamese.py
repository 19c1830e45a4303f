"""A siamese network: do two images show the same class?

Both images go through the same layers, so that they are described in the same terms (Bromley et al. 1993, "Signature
verification using a siamese time delay neural network"); the answer follows from how far apart the descriptions lie,
feature by feature (Koch et al. 2015, with squared instead of absolute differences). The layers are those of the
lecture's network. Sizes for 64×64×1 images and the default options.
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
    """Pairs of standardised images to the probability that both are of one class, whatever the number of `classes`.

    The options and the least size of an image are those of `lecture_cnn`.
    """
    shared: list[keras.layers.Layer] = []
    for depth, maps in enumerate(filters, start=1):  # 64, 64, 16 and 32, 32, 32
        shared.append(layers.Conv2D(maps, kernel_size, padding="same", activation="relu", name=f"conv{depth}"))
        shared.append(layers.MaxPooling2D(2, name=f"pool{depth}"))  # 32, 32, 16 and 16, 16, 32
    shared += [layers.Flatten(name="flatten"), layers.Dense(units, activation="relu", name="hidden")]  # 8192, 100
    image, partner = (keras.Input(input_shape, name=name) for name in ("image", "partner"))
    one, other = image, partner
    for layer in shared:
        one, other = layer(one), layer(other)
    difference = layers.Subtract(name="difference")([one, other])
    squared = layers.Multiply(name="squared_difference")([difference, difference])
    return keras.Model([image, partner], classifier(2, name="same")(squared), name="siamese")
