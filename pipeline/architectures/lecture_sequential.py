"""The lecture's network as a Keras `Sequential` model instead of a functional one.

It has the layers of `lecture_cnn` with the default options, so the same seed gives the same weights and the same
predictions. Shapes in comments are for a 64×64×1 image.
"""

import keras
from keras import layers

from pipeline.layers.classifier import classifier


def build(input_shape: tuple[int, int, int], classes: int) -> keras.Model:
    """Build the model: standardised images of at least 4×4 pixels to class probabilities."""
    return keras.Sequential(
        [
            keras.Input(input_shape, name="image"),  # 64, 64, 1
            layers.Conv2D(16, 3, padding="same", activation="relu", name="conv1"),  # 64, 64, 16
            layers.MaxPooling2D(2, name="pool1"),  # 32, 32, 16
            layers.Conv2D(32, 3, padding="same", activation="relu", name="conv2"),  # 32, 32, 32
            layers.MaxPooling2D(2, name="pool2"),  # 16, 16, 32
            layers.Flatten(name="flatten"),  # 8192
            layers.Dense(100, activation="relu", name="hidden"),  # 100
            classifier(classes),
        ],
        name="lecture_sequential",
    )
