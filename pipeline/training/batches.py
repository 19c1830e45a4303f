"""Batches of examples: shuffled, augmented ones for training, plain ones for evaluation.

The order of an epoch is a permutation drawn from (seed, epoch). It does not depend on the history of a generator, so
a resumed training sees the same batches as an uninterrupted one.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.training.examples import Floats, Pixels, Portion, Positions

Batch = tuple[Any, ...]
"""Inputs, targets and, with class weights, sample weights in Keras' form: tuples, or single arrays."""

Augment = Callable[[Pixels, np.random.Generator], Pixels]

PASSED_BATCHES = 8
PASSED_BYTES = 2**24
"""At most this many batches and bytes pass from Python to TensorFlow at once: each passage takes a fixed time."""


def training_batches(
    portion: Portion,
    *,
    batch_size: int,
    epochs: range,
    seed: int,
    augment: Augment | None,
    class_weights: Mapping[int, float] | None = None,
) -> Iterator[Batch]:
    """Yield the batches of the given epochs in order, without the incomplete last batch of each epoch.

    Each epoch has its own permutation and its own pairs, so over the epochs every image is used.
    """
    for epoch in epochs:
        order = np.random.default_rng([seed, epoch]).permutation(len(portion))
        partners = _partners(portion, [seed, epoch, 0, 1])
        for batch in range(len(portion) // batch_size):
            positions = order[batch * batch_size : (batch + 1) * batch_size]
            # Counted from 1: [seed, epoch, 0] would draw the same numbers as [seed, epoch], the permutation's seed.
            rng = np.random.default_rng([seed, epoch, batch + 1])
            yield _batch(
                portion,
                positions,
                partners,
                augment=(lambda pixels, rng=rng: augment(pixels, rng)) if augment else None,  # type: ignore[misc]
                class_weights=class_weights,
            )


def evaluation_batches(portion: Portion, *, batch_size: int) -> Iterator[Batch]:
    """Yield every image once, in order; pairs use the partners of `evaluation_partners`."""
    partners = evaluation_partners(portion)
    for start in range(0, len(portion), batch_size):
        yield _batch(portion, np.arange(start, min(start + batch_size, len(portion))), partners)


def evaluation_partners(portion: Portion) -> Positions | None:
    """Return the fixed partners for evaluating a portion, or None for a network without pairs."""
    return _partners(portion, [0])


def dataset(batches: Callable[[], Iterator[Batch]], count: int, *, batch_size: int | None = None) -> Any:
    """Return a `tf.data.Dataset` over the `count` batches of `batches()` that prefetches while the network computes.

    Set `batch_size` when every batch has the same size. Only then does `fit` compute the same bits as
    `train_on_batch` in networks with batch normalisation, and batches pass from Python to TensorFlow several at once.
    """
    import tensorflow as tf

    first = next(iter(batches()))
    passed = 1
    if batch_size is not None:
        passed = max(1, min(PASSED_BATCHES, PASSED_BYTES // sum(column.nbytes for column in tf.nest.flatten(first))))

    def shape(column: npt.NDArray[Any]) -> Any:
        return tf.TensorSpec((None, batch_size, *column.shape[1:]), tf.float32)

    generated = tf.data.Dataset.from_generator(
        lambda: _stacked(batches(), passed), output_signature=tf.nest.map_structure(shape, first)
    )
    # The tuner would spend more time on this short pipeline than it saves.
    options = tf.data.Options()
    options.autotune.enabled = False
    single = generated.prefetch(1).unbatch().apply(tf.data.experimental.assert_cardinality(count))
    return single.prefetch(2).with_options(options)


def _stacked(batches: Iterator[Batch], count: int) -> Iterator[Batch]:
    """Yield `count` batches of the same size as one, with a further axis in front; the last may have fewer."""
    import tensorflow as tf

    while some := list(islice(batches, count)):
        yield tf.nest.map_structure(lambda *columns: np.stack(columns), *some)


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
    """Return the columns in Keras' form: a tuple, or a single array."""
    return columns[0] if len(columns) == 1 else tuple(columns)


def _partners(portion: Portion, seed: Sequence[int]) -> Positions | None:
    return portion.partners(np.random.default_rng(seed)) if portion.columns.paired else None
