"""Batches of standardised images: shuffled, augmented portions for training, plain ones for evaluation.

The order of an epoch is a permutation drawn from (seed, epoch), not from a generator's history, so a training that
goes on after an interruption sees what it would have seen. Pixels stay on disk until a batch needs them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Batch = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]
Augment = Callable[[Pixels, np.random.Generator], Pixels]


@dataclass(frozen=True)
class Standardisation:
    """Mean and deviation of the training pixels, one value per channel, in grey levels from 0 to 255."""

    mean: npt.NDArray[np.float32]
    deviation: npt.NDArray[np.float32]

    def __call__(self, pixels: Pixels) -> npt.NDArray[np.float32]:
        """Pixels (…, channels) with mean 0 and deviation 1 over the training images."""
        return (pixels.astype(np.float32) - self.mean) / self.deviation


@dataclass(frozen=True)
class Portion:
    """Some of the prepared images: pixels (n, height, width, channels), labels (n,), and which of them."""

    pixels: Pixels
    labels: npt.NDArray[np.int64]
    indices: npt.NDArray[np.int64]
    standardise: Standardisation

    def __len__(self) -> int:
        """Number of images."""
        return len(self.indices)

    def at(self, positions: npt.NDArray[np.int64], augment: Callable[[Pixels], Pixels] | None = None) -> Batch:
        """The images at these positions of the portion: inputs (b, height, width, channels), targets (b, 1)."""
        chosen = self.indices[positions]
        pixels = np.asarray(self.pixels[chosen])
        inputs = self.standardise(augment(pixels) if augment else pixels)
        return inputs, self.labels[chosen].astype(np.float32)[:, np.newaxis]


def training_batches(
    portion: Portion, *, batch_size: int, epochs: range, seed: int, augment: Augment | None
) -> Iterator[Batch]:
    """The batches of the given epochs one after the other; the incomplete last batch of an epoch is dropped.

    Each epoch has its own permutation, so every image is used in the long run.
    """
    for epoch in epochs:
        order = np.random.default_rng([seed, epoch]).permutation(len(portion))
        for batch in range(len(portion) // batch_size):
            positions = order[batch * batch_size : (batch + 1) * batch_size]
            if augment is None:
                yield portion.at(positions)
            else:
                # From 1: a seed that ends in 0 draws the same numbers as one without it, those of the permutation.
                rng = np.random.default_rng([seed, epoch, batch + 1])
                yield portion.at(positions, lambda pixels, rng=rng: augment(pixels, rng))  # type: ignore[misc]


def evaluation_batches(portion: Portion, *, batch_size: int) -> Iterator[Batch]:
    """Every image once, in order."""
    for start in range(0, len(portion), batch_size):
        yield portion.at(np.arange(start, min(start + batch_size, len(portion))))


def dataset(
    batches: Callable[[], Iterator[Batch]], count: int, image_shape: tuple[int, ...], *, batch_size: int | None = None
) -> Any:
    """A `tf.data.Dataset` over the `count` batches of `batches()`, one prepared while the network computes another.

    `batch_size` is that of all batches, where they have one: TensorFlow then computes the same bits as in
    `train_on_batch`, which otherwise differ in the last one where there is batch normalisation.
    """
    import tensorflow as tf

    signature = (tf.TensorSpec((batch_size, *image_shape), tf.float32), tf.TensorSpec((batch_size, 1), tf.float32))
    generated = tf.data.Dataset.from_generator(batches, output_signature=signature)
    return generated.apply(tf.data.experimental.assert_cardinality(count)).prefetch(2)
