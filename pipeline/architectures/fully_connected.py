"""One hidden layer that sees every pixel at once: what a network does that knows nothing of neighbourhood.

The network every convolutional one must beat, and the "Net-2" of LeCun 1989 (The Elements of Statistical Learning,
section 11.7).
"""

import keras
from keras import layers
from pydantic import PositiveInt

from pipeline.layers.classifier import classifier


def build(input_shape: tuple[int, int, int], classes: int, *, units: PositiveInt = 100) -> keras.Model:
    """Standardised images to class probabilities.

    `units` is the number of hidden units.
    """
    image = keras.Input(input_shape, name="image")
    x = layers.Flatten(name="flatten")(image)
    x = layers.Dense(units, activation="relu", name="hidden")(x)
    return keras.Model(image, classifier(classes)(x), name="fully_connected")
