"""Logistic regression: every class weighs every pixel once, without a hidden layer.

The "Net-1" of LeCun 1989 (The Elements of Statistical Learning, section 11.7), and what any hidden layer must beat.
"""

import keras
from keras import layers

from pipeline.layers.classifier import classifier


def build(input_shape: tuple[int, int, int], classes: int) -> keras.Model:
    """Standardised images to class probabilities."""
    image = keras.Input(input_shape, name="image")
    x = layers.Flatten(name="flatten")(image)
    return keras.Model(image, classifier(classes)(x), name="logistic")
