"""The lecture's network in functional form, without options."""

import keras
from keras import layers


def functional(input_shape: tuple[int, int, int], classes: int) -> keras.Model:
    """Build the network: every layer is called on the output of the layer before it."""
    image = keras.Input(input_shape, name="image")
    x = layers.Conv2D(16, 3, padding="same", activation="relu", name="conv1")(image)
    x = layers.MaxPooling2D(2, name="pool1")(x)
    x = layers.Conv2D(32, 3, padding="same", activation="relu", name="conv2")(x)
    x = layers.MaxPooling2D(2, name="pool2")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(100, activation="relu", name="hidden")(x)
    x = layers.Dense(classes, activation="softmax", name="output")(x)
    return keras.Model(image, x, name="lecture_cnn")
