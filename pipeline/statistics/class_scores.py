"""Precision, recall and F1 of every class, with intervals that account for replicates and for groups of images.

The intervals are computed as those of the metrics in `analysis`: a score is a mean over replicates, and its variance
that of the comparison's design, with the jackknife over groups. Only groups that can change a score count: those with
images of the class for recall, and those with images that are or are predicted to be of the class for precision and F1.
A score of 0 or 1 of a single replicate has no jackknife variance; its interval comes from the number of groups.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.evaluation.metrics import METRICS
from pipeline.evaluation.predictions import Predictions
from pipeline.statistics.analysis import method_of
from pipeline.statistics.inference import interval_without_spread
from pipeline.statistics.verdicts import interval

Array = npt.NDArray[np.float64]

SCORES = ("precision", "recall", "f1")
BOUNDED = METRICS["accuracy"]
"""A metric with the bounds of these scores, 0 and 1, where higher is better."""

BY_GROUP = ("crossed", "folds")
"""Designs whose variance is estimated from several groups."""


@dataclass(frozen=True)
class ClassScore:
    """A score of one class: its mean over replicates, and the ends of its interval; NaN where it is unknown."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class ClassScores:
    """The scores of one class over the replicates whose test images contain the class.

    `images` is the number of different test images of the class, and `replicates` that of these replicates. `scores`
    has the keys of `SCORES`.
    """

    name: str
    images: int
    replicates: int
    scores: dict[str, ClassScore]


def class_scores(predictions: Sequence[Predictions], *, folds: int = 0) -> tuple[ClassScores, ...]:
    """The scores of every class, from the predictions of a model's replicates.

    Precision is 0 if no image is predicted to be of the class, as in scikit-learn.

    Args:
        predictions: of one output by replicate.
        folds: number of folds if replicate r tests fold r mod folds of repetition r // folds, and 0 otherwise.
            Incomplete repetitions are ignored, unless no repetition is complete.
    """
    complete = len(predictions) // folds * folds if folds else 0
    used = predictions[: complete or len(predictions)]
    groups = np.unique(np.concatenate([one.groups for one in used]))
    counts = np.stack([_counts(one, groups) for one in used])
    tested = counts[:, 2].sum(axis=-1) > 0
    return tuple(
        _of_class(used, counts[..., label], tested, label, folds=folds if complete else 0)
        for label in range(len(used[0].classes))
    )


def _counts(one: Predictions, groups: npt.NDArray[np.int64]) -> Array:
    """The images that are correctly predicted, predicted and actual, by group and class, (3, groups, classes)."""
    places, predicted = np.searchsorted(groups, one.groups), one.probabilities.argmax(axis=1)
    counts = np.zeros((3, len(groups), len(one.classes)))
    np.add.at(counts[0], (places, one.truth), predicted == one.truth)
    np.add.at(counts[1], (places, predicted), 1.0)
    np.add.at(counts[2], (places, one.truth), 1.0)
    return counts


def _of_class(
    predictions: Sequence[Predictions], counts: Array, tested: npt.NDArray[np.bool_], label: int, *, folds: int
) -> ClassScores:
    """The scores of one class from its counts (replicates, 3, groups); `tested` is (replicates, groups)."""
    sums = counts.sum(axis=2)
    places = np.flatnonzero(sums[:, 2] > 0).tolist()
    having = [predictions[place] for place in places]
    images = {int(image) for one in having for image in one.images[one.truth == label]}
    name = str(predictions[0].classes[label])
    if not having:
        return ClassScores(name, 0, 0, dict.fromkeys(SCORES, ClassScore(np.nan, np.nan, np.nan)))
    values, left_out = _scores(sums[places]), _scores((sums[:, :, np.newaxis] - counts)[places])
    predicted, actual = (counts[places, kind].sum(axis=0) > 0 for kind in (1, 2))
    either = actual | predicted
    scores = {}
    for score in SCORES:
        kept = actual if score == "recall" else either
        method = method_of(having, places, tested[places][:, kept], folds=folds)
        mean, low, high = float(values[score].mean()), np.nan, np.nan
        if method.design not in BY_GROUP or kept.sum() > 1:
            low, high = interval(mean, method.variance(values[score], left_out[score][:, kept]), BOUNDED)
        if len(having) == 1 and low == high and mean in BOUNDED.bounds:
            low, high = _without_spread(score, mean, int((predicted if score == "precision" else kept).sum()))
        scores[score] = ClassScore(mean, low, high)
    return ClassScores(name, len(images), len(places), scores)


def _without_spread(score: str, mean: float, groups: int) -> tuple[float, float]:
    """The interval of a score that is 0 or 1 in each of these groups; without a group, its ends are the score."""
    if not groups:
        return mean, mean
    low, high = interval_without_spread(mean, groups)
    # F1 is 2 s / (1 + s) for the share s of right images among those that are or are predicted to be of the class.
    return (2 * low / (1 + low), 2 * high / (1 + high)) if score == "f1" else (low, high)


def _scores(counts: Array) -> dict[str, Array]:
    """Precision, recall and F1 from counts (replicates, 3, …), shape (replicates, …); NaN without images."""
    correct, predicted, actual = np.moveaxis(counts, 1, 0)
    exists = actual > 0

    def ratio(part: Array, whole: Array) -> Array:
        values = np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
        return np.where(exists, values, np.nan)

    return {
        "precision": ratio(correct, predicted),
        "recall": ratio(correct, actual),
        "f1": ratio(2 * correct, predicted + actual),
    }
