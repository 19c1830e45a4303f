"""One fully connected hidden layer: an image to class probabilities, regardless of which pixels are neighbours.

It is the baseline for convolutional networks, and "Net-2" of LeCun 1989 (The Elements of Statistical Learning,
section 11.7). Shapes in comments are for a 64×64×1 image and the default options.
"""

import keras
from keras import layers
from pydantic import PositiveInt

from pipeline.layers.classifier import classifier


def build(input_shape: tuple[int, int, int], classes: int, *, units: PositiveInt = 100) -> keras.Model:
    """Build the model: standardised images to class probabilities.

    `units` is the number of hidden units.
    """
    image = keras.Input(input_shape, name="image")  # 64, 64, 1
    x = layers.Flatten(name="flatten")(image)  # 4096
    x = layers.Dense(units, activation="relu", name="hidden")(x)  # 100
    return keras.Model(image, classifier(classes)(x), name="fully_connected")
