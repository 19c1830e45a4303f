"""Batch normalisation followed by ReLU (Ioffe & Szegedy 2015)."""

from typing import Any

from keras import layers


def batch_normalized_relu(x: Any, *, name: str) -> Any:
    """Normalise over the batch, then apply ReLU; the layers are called `<name>_norm` and `<name>_relu`.

    Input and output are symbolic tensors of shape (batch, …, channels).
    """
    x = layers.BatchNormalization(name=f"{name}_norm")(x)
    return layers.ReLU(name=f"{name}_relu")(x)
