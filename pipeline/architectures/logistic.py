"""Logistic regression: an image to class probabilities with one weight per class and pixel, no hidden layer.

It is "Net-1" of LeCun 1989 (The Elements of Statistical Learning, section 11.7) and the baseline for networks with a
hidden layer. Shapes in comments are for a 64×64×1 image.
"""

import keras
from keras import layers

from pipeline.layers.classifier import classifier


def build(input_shape: tuple[int, int, int], classes: int) -> keras.Model:
    """Build the model: standardised images to class probabilities."""
    image = keras.Input(input_shape, name="image")  # 64, 64, 1
    x = layers.Flatten(name="flatten")(image)  # 4096
    return keras.Model(image, classifier(classes)(x), name="logistic")
