"""Training with `fit`, and with an explicit loop over `train_on_batch`."""

from collections.abc import Sequence
from typing import Any

import keras

Batches = Sequence[tuple[Any, Any]]
"""Images and labels of each batch."""


def train_with_fit(network: keras.Model, batches: Batches, epochs: int) -> None:
    """Train for some epochs: Keras iterates over epochs and batches."""
    images, labels = (keras.ops.concatenate(part) for part in zip(*batches, strict=True))
    size = len(batches[0][0])
    network.fit(images, labels, batch_size=size, epochs=epochs, shuffle=False, verbose=0)


def train_with_a_loop(network: keras.Model, batches: Batches, epochs: int) -> None:
    """Train for some epochs: one call per batch, so that anything can happen between two batches."""
    for _ in range(epochs):
        for images, labels in batches:
            network.train_on_batch(images, labels)
