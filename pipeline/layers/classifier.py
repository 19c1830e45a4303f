"""The layer that ends every architecture: class probabilities."""

import keras


def classifier(classes: int, name: str = "output") -> keras.layers.Layer:
    """The probability of each class; of two classes only that of the second, which says it all.

    Takes (batch, units) and gives (batch, classes) by softmax, or (batch, 1) by a sigmoid for two classes.

    >>> classifier(10).units, classifier(2).units
    (10, 1)
    """
    if classes < 2:
        raise ValueError(f"`classes` must be at least 2. Received classes={classes}.")
    if classes == 2:
        return keras.layers.Dense(1, activation="sigmoid", name=name)
    return keras.layers.Dense(classes, activation="softmax", name=name)
