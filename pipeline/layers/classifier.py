"""The output layer of every architecture: class probabilities."""

from typing import Any

import keras


def classifier(classes: int, name: str = "output", **options: Any) -> keras.layers.Layer:
    """A dense layer for the probability of each class, or of the second of two classes.

    Input (batch, units); output (batch, classes) with softmax, or (batch, 1) with a sigmoid for two classes.
    `options` are further arguments of `keras.layers.Dense`.

    Raises ValueError if `classes` is less than 2.

    >>> classifier(10).units, classifier(2).units
    (10, 1)
    """
    if classes < 2:
        raise ValueError(f"`classes` must be at least 2. Received classes={classes}.")
    if classes == 2:
        return keras.layers.Dense(1, activation="sigmoid", name=name, **options)
    return keras.layers.Dense(classes, activation="softmax", name=name, **options)
