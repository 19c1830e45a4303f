"""Scores of a comparison with resampled replicates and resampled groups of test images.

The bootstrap draws replicates and groups independently of each other (Owen 2007, *The pigeonhole bootstrap*); the
jackknife leaves out one group at a time. All models share the drawings, so that they can be compared in pairs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.evaluation.metrics import weighted_score
from pipeline.evaluation.predictions import Predictions

Array = npt.NDArray[np.float64]

BLOCKS = 200
"""If there are more groups, they are combined into this many random blocks with equal numbers of groups."""


@dataclass(frozen=True)
class Resampled:
    """Scores of the sample, of the jackknife and of the bootstrap; NaN where a metric is undefined.

    Arrays have room for the largest number of replicates of a model; the places of missing replicates hold NaN.

    Attributes:
        replicates: the number of replicates of each model.
        scores: shape (models, replicates).
        left_out: scores without each group, shape (models, replicates, groups); no groups if there are fewer than two.
        drawn: scores of drawn groups, shape (models, replicates, drawings).
        taken: how often a drawing takes a replicate, shape (drawings, replicates); rows sum to the replicates.
        tested: whether a replicate is tested on images of a group, shape (replicates, groups).
    """

    replicates: tuple[int, ...]
    scores: Array
    left_out: Array
    drawn: Array
    taken: Array
    tested: npt.NDArray[np.bool_]


def resample(
    metric: str, predictions: Mapping[str, Sequence[Predictions]], *, drawings: int, seed: int = 0
) -> Resampled:
    """Score the predictions of each model's replicates for drawn groups, and without each group.

    More than `BLOCKS` groups are combined at random into `BLOCKS` blocks, which are then drawn and left out.

    Args:
        metric: a key of `METRICS`.
        predictions: of the replicates of each model, in the same order of replicates for all models.
        drawings: number of resamples.
        seed: of the random draws.
    """
    counts = tuple(len(ones) for ones in predictions.values())
    replicates = max(counts, default=0)
    known = np.unique([group for ones in predictions.values() for one in ones for group in np.unique(one.groups)])
    generator = np.random.default_rng(seed)
    blocks = generator.permutation(len(known)) % BLOCKS
    count = min(len(known), BLOCKS)
    everything, without_one = np.ones((1, count)), np.ones((count, count)) - np.eye(count)
    taken = drawn_weights(replicates, drawings, generator)
    weights = drawn_weights(count, drawings, generator)
    shape = (len(predictions), replicates)
    scores, left_out, drawn = (
        np.full(shape, np.nan),
        np.full((*shape, count if count > 1 else 0), np.nan),
        np.full((*shape, drawings), np.nan),
    )
    tested = np.zeros((replicates, count if count > 1 else 0), bool)
    for model, ones in enumerate(predictions.values()):
        for replicate, one in enumerate(ones):
            places = blocks[np.searchsorted(known, one.groups)]
            score = weighted_score(metric, one.truth, one.probabilities, places, count=count)
            scores[model, replicate] = score(everything)[0]
            drawn[model, replicate] = score(weights)
            if count > 1:
                left_out[model, replicate] = score(without_one)
                tested[replicate, places] = True
    return Resampled(counts, scores, left_out, drawn, taken, tested)


def resample_scores(scores: Sequence[Sequence[float]], *, drawings: int, seed: int = 0) -> Resampled:
    """Draw replicates if only the scores of each model's replicates are known, so that groups cannot be resampled."""
    counts = tuple(len(ones) for ones in scores)
    shape = (len(counts), max(counts, default=0))
    values = np.full(shape, np.nan)
    for row, ones in zip(values, scores, strict=True):
        row[: len(ones)] = ones
    taken = drawn_weights(shape[1], drawings, np.random.default_rng(seed))
    drawn = np.repeat(values[:, :, np.newaxis], drawings, axis=2)
    return Resampled(counts, values, np.empty((*shape, 0)), drawn, taken, np.empty((shape[1], 0), bool))


def drawn_weights(count: int, drawings: int, generator: np.random.Generator) -> Array:
    """How often each of `count` items is drawn in `count` draws with replacement, shape (drawings, count)."""
    if not count:
        return np.empty((drawings, 0))
    return generator.multinomial(count, np.full(count, 1 / count), size=drawings).astype(float)


def weighted_mean(values: Array, taken: Array) -> Array:
    """Mean over replicates of values (…, replicates, drawings), each counted as often as the drawing takes it.

    Undefined values do not count; the mean is NaN if a drawing takes no defined value.
    """
    count = np.where(np.isfinite(values), taken.T, 0)
    number = count.sum(axis=-2)
    sums = (np.where(count > 0, values, 0) * count).sum(axis=-2)
    mean: Array = np.divide(sums, number, out=np.full(np.shape(sums), np.nan), where=number > 0)
    return mean
