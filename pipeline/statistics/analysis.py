"""Which model is better, and how certain is that?

Each model is trained several times, and each training is tested on images that come in groups. Replicates and groups
are both samples: other replicates and other groups would give other scores.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest

import numpy as np
import numpy.typing as npt

from pipeline.evaluation.metrics import metric_named
from pipeline.evaluation.predictions import Predictions
from pipeline.statistics import designs, resampling, verdicts
from pipeline.statistics.inference import interval_without_spread
from pipeline.statistics.results import Certainty, Estimate

DRAWINGS = 2000
"""Resamples of the bootstrap."""

Replicates = Sequence[Predictions]


def analyse(
    metric: str,
    predictions: Mapping[str, Replicates],
    *,
    margin: float,
    folds: int = 0,
    looks: int = 1,
    drawings: int = DRAWINGS,
) -> Certainty:
    """Compare models in pairs, replicate by replicate, from their predictions.

    Models may have different numbers of replicates: a pair is compared by the replicates that both have.

    A test set that lacks a class is skipped if the metric needs all classes. If all test images form one group, groups
    cannot be resampled, and the analysis is that of `analyse_scores`.

    Args:
        metric: name of the metric by which the models are compared.
        predictions: of the replicates of each model, in the same order of replicates for all models.
        margin: differences up to it are practically zero, in units of the metric.
        folds: number of folds if replicate r tests fold r mod folds of repetition r // folds, and 0 otherwise.
            Incomplete repetitions are ignored, unless no repetition is complete for every model.
        looks: planned number of analyses while the comparison grows. Each uses 1/looks of the significance level.
        drawings: resamples of the bootstrap, which has a fixed seed.

    Raises:
        UserError: unknown metric.
        ValueError: replicates of the same number were tested on different images, or two folds of one repetition on
            images of the same group.
    """
    _check_pairing(predictions)
    counts = [len(ones) for ones in predictions.values()]
    complete = folds > 0 and min(counts, default=0) >= folds
    if complete:
        predictions = {model: ones[: len(ones) // folds * folds] for model, ones in predictions.items()}
    longest: Replicates = max(predictions.values(), key=len, default=())
    if complete:
        _check_folds(longest, folds)
    defined = _defined(metric, longest)
    kept = {model: [ones[place] for place in defined if place < len(ones)] for model, ones in predictions.items()}
    tested = [longest[place] for place in defined]
    images = len({number for one in tested for number in np.unique(one.images)})
    groups = len({number for one in tested for number in np.unique(one.groups)})
    resampled = resampling.resample(metric, kept, drawings=drawings)
    method = method_of(tested, defined, resampled.tested, folds=folds if complete else 0)
    if folds and not complete:
        method = designs.incomplete(method, folds)
    if method.design == "replicates":
        images = groups = 0
    return verdicts.conclude(
        metric,
        list(predictions),
        resampled,
        method,
        margin=margin,
        images=images,
        groups=groups,
        looks=looks,
        skipped=len(longest) - len(defined),
    )


def score_of_one(metric: str, predicted: Predictions) -> Estimate:
    """The score of one trained network, with an interval about other groups of images: the jackknife over groups.

    An accuracy of 0 or 1, which has no jackknife variance, has the interval for that number of groups.

    Raises:
        UserError: unknown metric.
    """
    (estimate,) = analyse(metric, {"network": [predicted]}, margin=0).estimates
    if metric == "accuracy" and estimate.low == estimate.high and estimate.mean in (0, 1):
        low, high = interval_without_spread(estimate.mean, len(np.unique(predicted.groups)))
        return replace(estimate, low=low, high=high)
    return estimate


def analyse_scores(
    metric: str, scores: Mapping[str, Sequence[float]], *, margin: float, looks: int = 1, drawings: int = DRAWINGS
) -> Certainty:
    """Compare models in pairs from one score per replicate, without predictions.

    Groups of images are not resampled, so the result holds for these test images only. Arguments as in `analyse`.
    """
    return verdicts.conclude(
        metric,
        list(scores),
        resampling.resample_scores(list(scores.values()), drawings=drawings),
        designs.replicates(),
        margin=margin,
        images=0,
        groups=0,
        looks=looks,
    )


def method_of(
    tested: Replicates, places: Sequence[int], on_groups: npt.NDArray[np.bool_], *, folds: int = 0
) -> designs.Method:
    """The analysis for the way in which replicates are tested.

    Args:
        tested: the predictions of the replicates of one model.
        places: the number of each of these replicates.
        on_groups: whether a replicate is tested on images of a group, shape (replicates, groups).
        folds: number of folds if the replicates form complete repetitions of cross-validation, and 0 otherwise.
    """
    if folds:
        return designs.folds(np.array(places) // folds, on_groups, folds)
    if any(not np.array_equal(tested[0].images, one.images) for one in tested):
        share = np.mean([len(one.images) for one in tested]) / np.mean([one.trained_on for one in tested])
        return designs.redrawn(float(share))
    if tested and len(np.unique(tested[0].groups)) < 2:
        return designs.replicates()
    return designs.crossed()


def _check_pairing(predictions: Mapping[str, Replicates]) -> None:
    for paired in zip_longest(*predictions.values()):
        present = [one for one in paired if one is not None]
        if any(not np.array_equal(present[0].images, one.images) for one in present):
            raise ValueError(
                "Replicates of the same number must be tested on the same images, so that models are compared in "
                f"pairs. Received different images for {' and '.join(predictions)}; use the same split for all."
            )


def _check_folds(replicates: Replicates, folds: int) -> None:
    for first in range(0, len(replicates), folds):
        tested = np.concatenate([np.unique(one.groups) for one in replicates[first : first + folds]])
        if len(np.unique(tested)) < len(tested):
            raise ValueError(
                f"Each group must be tested in one of the {folds} folds of a repetition. Received replicates "
                f"{first + 1} to {first + folds} with groups that are tested repeatedly; pass `folds` only for "
                "split=kfold."
            )


def _defined(metric: str, replicates: Replicates) -> list[int]:
    """The places of the replicates whose test images have several classes; of all, if none has or none needs to."""
    needs_two = metric_named(metric).needs_two_classes
    several = [place for place, one in enumerate(replicates) if not needs_two or len(np.unique(one.truth)) > 1]
    return several or list(range(len(replicates)))
