"""The metrics: scores of predicted probabilities against the truth, one entry of `METRICS` each.

`truth` is (images,) class indices; `probabilities` is (images, classes), rows summing to one. With two classes, the
second one is the positive class; with more, F1, ROC AUC and average precision are means over classes, each against the
rest. Configuration, tables, intervals, MLflow and tests derive from `METRICS`: a new metric is one new entry.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import inf

import numpy as np
import numpy.typing as npt

from pipeline.errors import unknown
from pipeline.evaluation import classification_curves, weighting
from pipeline.evaluation.weighting import Groups, Probabilities, Scores, Truth, WeightedMetric, WeightedScore, Weights

Score = Callable[[Truth, Probabilities], float]


@dataclass(frozen=True, kw_only=True)
class Metric:
    """The properties of a metric.

    Attributes:
        label: its name in sentences and tables.
        score: computes it for one set of predictions.
        weighted: computes it for many sets of weights of groups of images (see `weighting`).
        lower_is_better: whether it measures an error.
        bounds: its lowest and highest possible values; intervals stay within them.
        needs_two_classes: whether it is undefined if the truth holds a single class.
        for_further_outputs: whether the report shows it for every output of a network, not only for the compared one.
        recorded_as: its key in the record of a training, if training records it for the kept weights.
    """

    label: str
    score: Score
    weighted: WeightedMetric
    lower_is_better: bool = False
    bounds: tuple[float, float] = (0.0, 1.0)
    needs_two_classes: bool = False
    for_further_outputs: bool = False
    recorded_as: str | None = None


def metric_named(name: str) -> Metric:
    """The metric with this name.

    Raises:
        UserError: there is no such metric.
    """
    if name not in METRICS:
        raise unknown("metric", name, METRICS)
    return METRICS[name]


def scores(truth: Truth, probabilities: Probabilities) -> Iterator[tuple[str, float]]:
    """Yield name and value of every metric that is defined for these predictions."""
    several = len(np.unique(truth)) > 1
    for name, metric in METRICS.items():
        if several or not metric.needs_two_classes:
            yield name, metric.score(truth, probabilities)


def weighted_score(
    metric: str, truth: Truth, probabilities: Probabilities, groups: Groups, *, count: int
) -> WeightedScore:
    """The metric as a function of the weights of groups of images; all scores are NaN if a probability is not finite.

    Args:
        metric: a key of `METRICS`.
        truth: class indices, shape (images,).
        probabilities: shape (images, classes).
        groups: numbers below `count`, shape (images,).
        count: number of groups.

    Raises:
        UserError: there is no such metric.
    """
    weighted = metric_named(metric).weighted
    if not np.isfinite(probabilities).all():
        return lambda weights: np.full(len(weights), np.nan)
    return weighted(truth, probabilities, groups, count)


def confusion(truth: Truth, probabilities: Probabilities) -> npt.NDArray[np.int64]:
    """The numbers of images as a confusion matrix (classes, classes): rows are true classes, columns predicted ones."""
    from sklearn import metrics

    labels = np.arange(probabilities.shape[1])
    counts: npt.NDArray[np.int64] = metrics.confusion_matrix(truth, probabilities.argmax(axis=1), labels=labels)
    return counts


def _accuracy(truth: Truth, probabilities: Probabilities) -> float:
    return float((truth == probabilities.argmax(axis=1)).mean())


def _balanced_accuracy(truth: Truth, probabilities: Probabilities) -> float:
    predicted = probabilities.argmax(axis=1)
    return float(np.mean([(predicted[truth == label] == label).mean() for label in np.unique(truth)]))


def _f1(truth: Truth, probabilities: Probabilities) -> float:
    from sklearn.metrics import f1_score

    predicted = probabilities.argmax(axis=1)
    if probabilities.shape[1] == 2:
        return float(f1_score(truth, predicted, zero_division=0))
    return float(f1_score(truth, predicted, labels=np.unique(truth), average="macro", zero_division=0))


def _log_loss(truth: Truth, probabilities: Probabilities) -> float:
    from sklearn.metrics import log_loss

    return float(log_loss(truth, probabilities, labels=np.arange(probabilities.shape[1])))


def _brier(truth: Truth, probabilities: Probabilities) -> float:
    classes = probabilities.shape[1]
    squared = (probabilities - np.eye(classes)[truth]) ** 2
    return float(squared.sum(axis=1).mean() / (2 if classes == 2 else 1))


def _matthews(correct: Weights, predicted: Weights, actual: Weights) -> Scores:
    """Matthews' correlation coefficient from counts per class (Gorodkin 2004); 0 if a single class is predicted."""
    images = actual.sum(axis=1)
    covariance = correct.sum(axis=1) * images - (predicted * actual).sum(axis=1)
    spread = (images**2 - (predicted**2).sum(axis=1)) * (images**2 - (actual**2).sum(axis=1))
    correlation: Scores = np.divide(covariance, np.sqrt(spread), out=np.zeros(len(images)), where=spread > 0)
    return correlation


def _kappa(correct: Weights, predicted: Weights, actual: Weights) -> Scores:
    """Cohen's kappa from counts per class: agreement beyond that of chance, over the largest possible (Cohen 1960)."""
    images = actual.sum(axis=1)
    by_chance = (predicted * actual).sum(axis=1) / images**2
    agreement: Scores = (correct.sum(axis=1) / images - by_chance) / (1 - by_chance)
    return agreement


def _unweighted(weighted: WeightedMetric) -> Score:
    """The score of a metric whose weighted form serves for equal weights, too."""

    def score(truth: Truth, probabilities: Probabilities) -> float:
        return float(weighted(truth, probabilities, np.zeros(len(truth), np.int64), 1)(np.ones((1, 1)))[0])

    return score


def _of_counts(label: str, formula: weighting.CountFormula) -> Metric:
    """A metric between −1 and 1 that is a function of the confusion matrix."""
    weighted = weighting.of_counts(formula)
    return Metric(
        label=label, score=_unweighted(weighted), weighted=weighted, bounds=(-1.0, 1.0), needs_two_classes=True
    )


METRICS: Mapping[str, Metric] = {
    "accuracy": Metric(
        label="accuracy",
        score=_accuracy,
        weighted=weighting.accuracy,
        for_further_outputs=True,
        recorded_as="kept_accuracy",
    ),
    "balanced_accuracy": Metric(
        label="balanced accuracy",
        score=_balanced_accuracy,
        weighted=weighting.balanced_accuracy,
        for_further_outputs=True,
    ),
    "f1": Metric(label="F1", score=_f1, weighted=weighting.f1),
    "matthews": _of_counts("Matthews correlation", _matthews),
    "kappa": _of_counts("Cohen's kappa", _kappa),
    "roc_auc": Metric(
        label="ROC AUC",
        score=lambda truth, probabilities: classification_curves.roc(truth, probabilities).score,
        weighted=weighting.roc_auc,
        needs_two_classes=True,
        for_further_outputs=True,
    ),
    "average_precision": Metric(
        label="average precision",
        score=lambda truth, probabilities: classification_curves.precision_recall(truth, probabilities).score,
        weighted=weighting.average_precision,
        needs_two_classes=True,
    ),
    # In nats.
    "log_loss": Metric(
        label="log loss",
        score=_log_loss,
        weighted=weighting.log_loss,
        lower_is_better=True,
        bounds=(0.0, inf),
        for_further_outputs=True,
        recorded_as="kept_loss",
    ),
    # Brier (1950): squared distance between probabilities and truth, by convention halved for two classes.
    "brier": Metric(
        label="Brier score", score=_brier, weighted=weighting.brier, lower_is_better=True, bounds=(0.0, 2.0)
    ),
    "calibration_error": Metric(
        label="calibration error",
        score=lambda truth, probabilities: classification_curves.calibration(truth, probabilities).error,
        weighted=weighting.calibration_error,
        lower_is_better=True,
    ),
}

LOWER_IS_BETTER = frozenset(name for name, metric in METRICS.items() if metric.lower_is_better)
"""Metrics that measure an error."""
