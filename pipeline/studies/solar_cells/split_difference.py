"""How much better a network scores under a random split than under a split by module, on the same cells."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from pipeline.evaluation.metrics import metric_named
from pipeline.evaluation.predictions import Predictions
from pipeline.statistics import inference, resampling
from pipeline.statistics.results import Estimate


def split_difference(metric: str, random: Sequence[Predictions], by_module: Sequence[Predictions]) -> Estimate:
    """The mean score with a random split minus that with a split by module, with its interval.

    Modules and trainings are both samples (Obuchowski & Rockette 1995, as in `inference.crossed`): the jackknife leaves
    out one module at a time in both splits. The difficulty of a module affects both scores, so it cancels out. Folds
    that share no module are not correlated, and the variance of their mean accounts for that.

    Args:
        metric: a key of `METRICS`.
        random: one per draw; `groups` are the modules of the cells.
        by_module: one per fold, as many as draws.

    Raises:
        UserError: there is no such metric.
    """
    resampled = resampling.resample(metric, {"random": random, "by module": by_module}, drawings=1)
    values, left_out = (scores[0] - scores[1] for scores in (resampled.scores, resampled.left_out))
    variance, mean = inference.crossed(values, left_out), float(values.mean())
    half = variance.quantile() * variance.error
    return Estimate(
        model=metric_named(metric).label,
        mean=mean,
        deviation=float(values.std(ddof=1)),
        low=mean - half,
        high=mean + half,
        error=variance.error,
        replicates=len(values),
    )


def restricted(
    predictions: Predictions, chosen: npt.NDArray[np.bool_], groups: npt.NDArray[np.int64] | None = None
) -> Predictions:
    """The predictions for the chosen of all prepared cells, with other groups if they are given.

    Args:
        predictions: of one replicate.
        chosen: whether to keep each prepared cell, shape (cells,).
        groups: the number of each cell's group, shape (cells,).
    """
    kept = chosen[predictions.images]
    images = predictions.images[kept]
    return replace(
        predictions,
        images=images,
        groups=predictions.groups[kept] if groups is None else groups[images],
        subgroups=None if predictions.subgroups is None else predictions.subgroups[kept],
        truth=predictions.truth[kept],
        probabilities=predictions.probabilities[kept],
    )


def rates_of_modules(
    predictions: Predictions,
    labels: npt.NDArray[np.int64],
    modules: npt.NDArray[np.int64],
    train: npt.NDArray[np.int64],
) -> Predictions:
    """The predictions of a rule that sees no pixel: the share of each class among the training cells of the module.

    A module without training cells gets the shares of all training cells, which also count as one cell of every module.

    Args:
        predictions: of the same test cells by any network.
        labels: class of each prepared cell, shape (cells,).
        modules: number of each cell's module, shape (cells,).
        train: numbers of the training cells.
    """
    classes = predictions.probabilities.shape[1]
    counts = np.zeros((int(modules.max()) + 1, classes))
    np.add.at(counts, (modules[train], labels[train]), 1)
    counts += counts.sum(axis=0) / len(train)
    shares = counts / counts.sum(axis=1, keepdims=True)
    return replace(predictions, probabilities=shares[modules[predictions.images]])
