"""Batches of examples: shuffled, augmented ones for training, plain ones for evaluation.

The order of an epoch is a permutation drawn from (seed, epoch). It does not depend on the history of a generator, so
a resumed training sees the same batches as an uninterrupted one.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.augmentation.mixing import Mixture, mixture
from pipeline.training.examples import Floats, Pixels, Portion, Positions

Batch = tuple[Any, ...]
"""Inputs, targets and, with weights, sample weights in Keras' form: tuples, or single arrays."""

Augment = Callable[[Pixels, np.random.Generator], Pixels]

Labels = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Mixing:
    """Mix-up and cut-mix with the α of each, 0 for off; targets become probabilities.

    `units` is the number of units of each output: 1 for the probability of the second of two classes.
    """

    mixup: float
    cutmix: float
    units: tuple[int, ...]

    def draw(self, rng: np.random.Generator, shape: Sequence[int]) -> Mixture:
        """Draw how a batch is mixed; `shape` begins with images, height and width."""
        images, height, width, *_ = shape
        return mixture(rng, images, height, width, mixup=self.mixup, cutmix=self.cutmix)

    def probabilities(self, targets: Sequence[Labels]) -> list[Floats]:
        """The labels (b,) of each output as probabilities (b, units)."""
        return [
            labels.astype(np.float32)[:, np.newaxis] if units == 1 else np.eye(units, dtype=np.float32)[labels]
            for labels, units in zip(targets, self.units, strict=True)
        ]


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
    mixing: Mixing | None = None,
    class_weights: Mapping[int, float] | None = None,
) -> Iterator[Batch]:
    """Yield the batches of the given epochs in order, without the incomplete last batch of each epoch.

    Each epoch has its own permutation and its own pairs, so over the epochs every image is used. What changes a batch
    is drawn from (seed, epoch, batch).
    """
    for epoch in epochs:
        order = np.random.default_rng([seed, epoch]).permutation(len(portion))
        partners = _partners(portion, [seed, epoch, 0, 1])
        for batch in range(len(portion) // batch_size):
            positions = order[batch * batch_size : (batch + 1) * batch_size]
            # Counted from 1: [seed, epoch, 0] would draw the same numbers as [seed, epoch], the permutation's seed.
            rng = np.random.default_rng([seed, epoch, batch + 1])
            paired = None if partners is None else partners[positions]
            inputs = portion.inputs(
                positions,
                paired,
                (lambda pixels, rng=rng: augment(pixels, rng)) if augment else None,  # type: ignore[misc]
            )
            targets = portion.targets(positions, paired)
            weights = _weights(portion, positions, paired, targets, class_weights)
            if mixing is None:
                yield _batch(inputs, _as_columns(targets), weights)
            else:
                mixed = mixing.draw(rng, (batch_size, *portion.pixels.shape[1:3]))
                yield _mixed_batch(inputs, mixing.probabilities(targets), weights, mixed)


def evaluation_batches(portion: Portion, *, batch_size: int, mixing: Mixing | None = None) -> Iterator[Batch]:
    """Yield every image once, in order; pairs use the partners of `evaluation_partners`.

    Images are neither changed nor weighted. For a network that trains with `mixing`, targets are probabilities.
    """
    partners = evaluation_partners(portion)
    for start in range(0, len(portion), batch_size):
        positions = np.arange(start, min(start + batch_size, len(portion)))
        paired = None if partners is None else partners[positions]
        targets = portion.targets(positions, paired)
        yield _batch(
            portion.inputs(positions, paired), mixing.probabilities(targets) if mixing else _as_columns(targets), None
        )


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


def _batch(inputs: Sequence[Floats], targets: Sequence[Floats], weights: Sequence[Floats] | None) -> Batch:
    batch = (_only(inputs), _only(targets))
    return batch if weights is None else (*batch, _only(weights))


def _mixed_batch(
    inputs: Sequence[Floats], targets: Sequence[Floats], weights: Sequence[Floats] | None, mixed: Mixture
) -> Batch:
    every = weights if weights is not None else [None] * len(targets)
    outputs = [mixed.targets(column, weight) for column, weight in zip(targets, every, strict=True)]
    return _batch(
        [mixed.inputs(column) for column in inputs],
        [column for column, _ in outputs],
        None if weights is None else [weight for _, weight in outputs if weight is not None],
    )


def _as_columns(targets: Sequence[Labels]) -> list[Floats]:
    return [column.astype(np.float32)[:, np.newaxis] for column in targets]


def _weights(
    portion: Portion,
    positions: Positions,
    partners: Positions | None,
    targets: Sequence[Labels],
    class_weights: Mapping[int, float] | None,
) -> list[Floats] | None:
    """The weights (b,) of the examples for each output: that of the image times that of its class.

    Only the output of the image's class has class weights. A pair has the product of the weights of both images.
    """
    if class_weights is None and portion.weights is None:
        return None
    each = np.ones(len(positions), np.float32)
    if portion.weights is not None:
        each = portion.weights[portion.indices[positions]]
        if partners is not None:
            each = each * portion.weights[portion.indices[partners]]
    return [
        each * np.array([class_weights[label] for label in column], np.float32)
        if class_weights is not None and name == "output"
        else each
        for name, column in zip(portion.columns.outputs, targets, strict=True)
    ]


def _only(columns: Sequence[Floats]) -> Any:
    """Return the columns in Keras' form: a tuple, or a single array."""
    return columns[0] if len(columns) == 1 else tuple(columns)


def _partners(portion: Portion, seed: Sequence[int]) -> Positions | None:
    return portion.partners(np.random.default_rng(seed)) if portion.columns.paired else None
