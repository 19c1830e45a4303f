"""Batches of examples: shuffled, augmented ones for training, plain ones for evaluation.

The order of an epoch is a permutation drawn from (seed, epoch), not from a generator's history, so a training that
goes on after an interruption sees what it would have seen.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.training.examples import Floats, Pixels, Portion, Positions

Batch = tuple[Any, ...]
"""Inputs, targets and, with class weights, weights, as Keras takes them: a tuple of each, or the only one."""

Augment = Callable[[Pixels, np.random.Generator], Pixels]


def training_batches(
    portion: Portion,
    *,
    batch_size: int,
    epochs: range,
    seed: int,
    augment: Augment | None,
    class_weights: Mapping[int, float] | None = None,
) -> Iterator[Batch]:
    """The batches of the given epochs one after the other; the incomplete last batch of an epoch is dropped.

    Each epoch has its own permutation, so every image is used in the long run, and its own pairs.
    """
    for epoch in epochs:
        order = np.random.default_rng([seed, epoch]).permutation(len(portion))
        partners = _partners(portion, [seed, epoch, 0, 1])
        for batch in range(len(portion) // batch_size):
            positions = order[batch * batch_size : (batch + 1) * batch_size]
            # From 1: a seed that ends in 0 draws the same numbers as one without it, those of the permutation.
            rng = np.random.default_rng([seed, epoch, batch + 1])
            yield _batch(
                portion,
                positions,
                partners,
                augment=(lambda pixels, rng=rng: augment(pixels, rng)) if augment else None,  # type: ignore[misc]
                class_weights=class_weights,
            )


def evaluation_batches(portion: Portion, *, batch_size: int) -> Iterator[Batch]:
    """Every image once, in order; in pairs with the partners of `evaluation_partners`."""
    partners = evaluation_partners(portion)
    for start in range(0, len(portion), batch_size):
        yield _batch(portion, np.arange(start, min(start + batch_size, len(portion))), partners)


def evaluation_partners(portion: Portion) -> Positions | None:
    """The partners that a portion is evaluated with, always the same; None for a network that takes no pairs."""
    return _partners(portion, [0])


def dataset(batches: Callable[[], Iterator[Batch]], count: int, *, batch_size: int | None = None) -> Any:
    """A `tf.data.Dataset` over the `count` batches of `batches()`, one prepared while the network computes another.

    `batch_size` is that of all batches, where they have one: TensorFlow then computes the same bits as in
    `train_on_batch`, which otherwise differ in the last one where there is batch normalisation.
    """
    import tensorflow as tf

    def shape(column: npt.NDArray[Any]) -> Any:
        return tf.TensorSpec((batch_size, *column.shape[1:]), tf.float32)

    signature = tf.nest.map_structure(shape, next(iter(batches())))
    generated = tf.data.Dataset.from_generator(batches, output_signature=signature)
    return generated.apply(tf.data.experimental.assert_cardinality(count)).prefetch(2)


def _batch(
    portion: Portion,
    positions: Positions,
    partners: Positions | None,
    *,
    augment: Callable[[Pixels], Pixels] | None = None,
    class_weights: Mapping[int, float] | None = None,
) -> Batch:
    paired = None if partners is None else partners[positions]
    targets = portion.targets(positions, paired)
    batch = (
        _only(portion.inputs(positions, paired, augment)),
        _only([column.astype(np.float32)[:, np.newaxis] for column in targets]),
    )
    if class_weights is None:
        return batch
    weights = [
        np.array([class_weights[label] for label in column], np.float32)
        if name == "output"
        else np.ones(len(column), np.float32)
        for name, column in zip(portion.columns.outputs, targets, strict=True)
    ]
    return *batch, _only(weights)


def _only(columns: Sequence[Floats]) -> Any:
    """The columns as Keras takes them: the only one by itself."""
    return columns[0] if len(columns) == 1 else tuple(columns)


def _partners(portion: Portion, seed: Sequence[int]) -> Positions | None:
    return portion.partners(np.random.default_rng(seed)) if portion.columns.paired else None
