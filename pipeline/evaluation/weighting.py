"""Metrics of test images whose groups are weighted: what resampling and leaving out ask for, many times at once.

A group of images that is drawn twice has weight 2, one that is left out has weight 0, and with every weight 1 a metric
is that of `metrics.scores`. All but average precision are functions of sums over groups, so that a thousand drawings
cost a product of matrices and not a thousand evaluations.
"""

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from pipeline.evaluation.metrics import Probabilities, Truth

Weights = npt.NDArray[np.float64]
Scores = npt.NDArray[np.float64]
Groups = npt.NDArray[np.int64]
WeightedScore = Callable[[Weights], Scores]
"""Weights of the groups, shape (drawings, groups), to a score for each drawing; NaN where it does not exist."""

BINS = 10
PORTION = 1_000_000
"""Numbers held at once where images cannot be summed over their groups."""


def weighted_score(
    metric: str, truth: Truth, probabilities: Probabilities, groups: Groups, *, count: int
) -> WeightedScore:
    """The metric of these images as a function of the weights of their groups, which are numbered below `count`.

    Images with a probability that is not finite have no score.

    Raises:
        ValueError: no such metric.
    """
    if metric not in _METRICS:
        raise ValueError(
            f"`metric` must be one that images can be weighted in. Received '{metric}'; available: "
            f"{', '.join(_METRICS)}."
        )
    if not np.isfinite(probabilities).all():
        return lambda weights: np.full(len(weights), np.nan)
    return _METRICS[metric](truth, probabilities, groups, count)


def _accuracy(truth: Truth, probabilities: Probabilities, groups: Groups, count: int) -> WeightedScore:
    return _mean(probabilities.argmax(axis=1) == truth, groups, count)


def _log_loss(truth: Truth, probabilities: Probabilities, groups: Groups, count: int) -> WeightedScore:
    # The bounds of scikit-learn, which keep a certain mistake from being infinitely bad.
    smallest = np.finfo(probabilities.dtype).eps
    said = np.clip(probabilities[np.arange(len(truth)), truth], smallest, 1 - smallest)
    return _mean(-np.log(said), groups, count)


def _brier(truth: Truth, probabilities: Probabilities, groups: Groups, count: int) -> WeightedScore:
    classes = probabilities.shape[1]
    squared = ((probabilities - np.eye(classes)[truth]) ** 2).sum(axis=1)
    return _mean(squared / (2 if classes == 2 else 1), groups, count)


def _balanced_accuracy(truth: Truth, probabilities: Probabilities, groups: Groups, count: int) -> WeightedScore:
    right, _, of_class = _counts(truth, probabilities, groups, count)
    return lambda weights: _mean_over_classes(_ratio(weights @ right, weights @ of_class))


def _f1(truth: Truth, probabilities: Probabilities, groups: Groups, count: int) -> WeightedScore:
    right, called, of_class = _counts(truth, probabilities, groups, count)
    if probabilities.shape[1] == 2:

        def of_second(weights: Weights) -> Scores:
            counted = weights @ (called + of_class)[:, 1]
            found = np.divide(2 * (weights @ right[:, 1]), counted, out=np.zeros(len(weights)), where=counted > 0)
            return np.where(weights @ of_class.sum(axis=1) > 0, found, np.nan)

        return of_second

    def of_classes(weights: Weights) -> Scores:
        present = weights @ of_class
        scores = _ratio(2 * (weights @ right), weights @ called + present)
        return _mean_over_classes(np.where(present > 0, scores, np.nan))

    return of_classes


def _roc_auc(truth: Truth, probabilities: Probabilities, groups: Groups, count: int) -> WeightedScore:
    # Mann and Whitney's statistic: the share of pairs, one image of the class and one of the rest, in the right order.
    judged = [
        (_pairs_in_order(true, said, groups, count), _sums(true, groups, count), _sums(~true, groups, count))
        for true, said in _judged(truth, probabilities)
    ]

    def score(weights: Weights) -> Scores:
        areas = [
            _ratio(((weights @ ordered) * weights).sum(axis=1), (weights @ positive) * (weights @ negative))
            for ordered, positive, negative in judged
        ]
        return _mean_over_classes(np.transpose(areas)) if areas else np.full(len(weights), np.nan)

    return score


def _pairs_in_order(
    true: npt.NDArray[np.bool_], said: npt.NDArray[np.float64], groups: Groups, count: int
) -> npt.NDArray[np.float64]:
    """By group of the true image and group of the false one: pairs in which the true one has the higher probability.

    Pairs of equal probability count half.
    """
    levels, places = np.unique(said, return_inverse=True)
    at_level = np.zeros((len(levels) + 1, count))
    np.add.at(at_level, (places[~true] + 1, groups[~true]), 1.0)
    not_above = np.cumsum(at_level, axis=0)
    ordered = np.zeros((count, count))
    np.add.at(ordered, groups[true], (not_above[places[true]] + not_above[places[true] + 1]) / 2)
    return ordered


def _average_precision(truth: Truth, probabilities: Probabilities, groups: Groups, count: int) -> WeightedScore:
    judged = list(_judged(truth, probabilities))

    def score(weights: Weights) -> Scores:
        portions = np.array_split(weights, max(1, len(weights) * len(truth) // PORTION))
        return np.concatenate(
            [
                _mean_over_classes(np.transpose([_steps_under(true, said, groups, portion) for true, said in judged]))
                if judged
                else np.full(len(portion), np.nan)
                for portion in portions
            ]
        )

    return score


def _steps_under(
    true: npt.NDArray[np.bool_], said: npt.NDArray[np.float64], groups: Groups, weights: Weights
) -> Scores:
    """The mean of precision over the steps of recall, images of equal probability being one step."""
    order = np.argsort(-said, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(said[order])), len(said) - 1)
    weight = weights[:, groups[order]]
    called = np.cumsum(weight, axis=1)[:, ends]
    right = np.cumsum(weight * true[order], axis=1)[:, ends]
    precision = np.divide(right, called, out=np.zeros_like(right), where=called > 0)
    gained = np.diff(right, axis=1, prepend=0)
    # Without an image of the rest there is nothing to be precise about.
    exists = (right[:, -1] > 0) & (called[:, -1] > right[:, -1])
    return np.where(exists, _ratio((gained * precision).sum(axis=1), right[:, -1]), np.nan)


def _calibration_error(truth: Truth, probabilities: Probabilities, groups: Groups, count: int) -> WeightedScore:
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == truth
    places = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    gaps = np.zeros((count, BINS))
    np.add.at(gaps, (groups, places), right - confidence)
    images = _sums(np.ones(len(truth)), groups, count)
    return lambda weights: _ratio(np.abs(weights @ gaps).sum(axis=1), weights @ images)


def _judged(
    truth: Truth, probabilities: Probabilities
) -> Iterator[tuple[npt.NDArray[np.bool_], npt.NDArray[np.float64]]]:
    for label in [1] if probabilities.shape[1] == 2 else range(probabilities.shape[1]):
        true = truth == label
        if 0 < true.sum() < len(true):
            yield true, probabilities[:, label]


def _counts(truth: Truth, probabilities: Probabilities, groups: Groups, count: int) -> tuple[Weights, Weights, Weights]:
    """By group and class: images rightly called it, called it, and of it."""
    predicted = probabilities.argmax(axis=1)
    right, called, of_class = np.zeros((3, count, probabilities.shape[1]))
    np.add.at(right, (groups, truth), predicted == truth)
    np.add.at(called, (groups, predicted), 1.0)
    np.add.at(of_class, (groups, truth), 1.0)
    return right, called, of_class


def _mean(values: npt.NDArray[np.floating | np.bool_], groups: Groups, count: int) -> WeightedScore:
    sums, images = _sums(values, groups, count), _sums(np.ones(len(values)), groups, count)
    return lambda weights: _ratio(weights @ sums, weights @ images)


def _sums(values: npt.NDArray[np.floating | np.bool_], groups: Groups, count: int) -> Weights:
    sums: Weights = np.bincount(groups, values, minlength=count).astype(float)
    return sums


def _ratio(part: Scores, whole: Scores) -> Scores:
    ratio: Scores = np.divide(part, whole, out=np.full(np.shape(part), np.nan), where=whole > 0)
    return ratio


def _mean_over_classes(scores: Scores) -> Scores:
    """The mean of the classes, shape (drawings, classes), that have a score; NaN where none has."""
    exists = np.isfinite(scores)
    return _ratio(np.where(exists, scores, 0).sum(axis=1), exists.sum(axis=1))


_METRICS: dict[str, Callable[[Truth, Probabilities, Groups, int], WeightedScore]] = {
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced_accuracy,
    "f1": _f1,
    "roc_auc": _roc_auc,
    "average_precision": _average_precision,
    "log_loss": _log_loss,
    "brier": _brier,
    "calibration_error": _calibration_error,
}
