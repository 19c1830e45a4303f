"""What the scores of a comparison would have been with other replicates and other groups of test images.

The bootstrap draws replicates and groups independently of each other (Owen 2007, *The pigeonhole bootstrap*); the
jackknife leaves out one group after the other. All models share the drawings, so that pairs of them can be compared.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.evaluation.weighting import weighted_score
from pipeline.statistics.values import Tested

Array = npt.NDArray[np.float64]

BLOCKS = 200
"""More groups than these are drawn and left out in so many bundles of equal numbers, put together at random."""


@dataclass(frozen=True)
class Resampled:
    """Scores as they are, without one group, and of drawn replicates and groups.

    `scores` has the shape (models, replicates); `left_out` (models, replicates, groups), where there are less than two
    groups (models, replicates, 0); `drawn` (models, replicates, drawings), NaN where a metric does not exist. `taken`
    (drawings, replicates) says how often a drawing takes a replicate: every row sums to the number of replicates.
    """

    scores: Array
    left_out: Array
    drawn: Array
    taken: Array


def resample(metric: str, tested: Mapping[str, Sequence[Tested]], *, drawings: int, seed: int = 0) -> Resampled:
    """Ask all replicates about drawn groups of their test images."""
    replicates = len(next(iter(tested.values()), ()))
    known = np.unique([group for ones in tested.values() for one in ones for group in np.unique(one.groups)])
    generator = np.random.default_rng(seed)
    blocks = generator.permutation(len(known)) % BLOCKS
    count = min(len(known), BLOCKS)
    everything, without_one = np.ones((1, count)), np.ones((count, count)) - np.eye(count)
    taken = drawn_weights(replicates, drawings, generator)
    weights = drawn_weights(count, drawings, generator)
    shape = (len(tested), replicates)
    scores, left_out, drawn = (
        np.empty(shape),
        np.empty((*shape, count if count > 1 else 0)),
        np.empty((*shape, drawings)),
    )
    for model, ones in enumerate(tested.values()):
        for replicate, one in enumerate(ones):
            places = blocks[np.searchsorted(known, one.groups)]
            score = weighted_score(metric, one.truth, one.probabilities, places, count=count)
            scores[model, replicate] = score(everything)[0]
            drawn[model, replicate] = score(weights)
            if count > 1:
                left_out[model, replicate] = score(without_one)
    return Resampled(scores, left_out, drawn, taken)


def resample_scores(scores: Array, *, drawings: int, seed: int = 0) -> Resampled:
    """Draw replicates where no more is known than their scores (models, replicates)."""
    taken = drawn_weights(scores.shape[1], drawings, np.random.default_rng(seed))
    return Resampled(scores, np.empty((*scores.shape, 0)), np.repeat(scores[:, :, np.newaxis], drawings, axis=2), taken)


def drawn_weights(count: int, drawings: int, generator: np.random.Generator) -> Array:
    """How often each of `count` things is drawn, with replacement and as many as there are (drawings, count)."""
    if not count:
        return np.empty((drawings, 0))
    return generator.multinomial(count, np.full(count, 1 / count), size=drawings).astype(float)


def weighted_mean(values: Array, taken: Array) -> Array:
    """Mean over replicates of values (…, replicates, drawings), each counted as often as the drawing takes it.

    Values that are not taken may be missing; where one that is taken is missing, so is the mean.
    """
    counted = np.where(taken.T > 0, values, 0) * taken.T
    mean: Array = counted.sum(axis=-2) / max(1, taken.shape[1])
    return mean
