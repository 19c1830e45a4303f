"""Metrics of weighted groups of test images, evaluated for many sets of weights at once.

The bootstrap gives a group that it draws twice the weight 2; the jackknife gives the group that it leaves out the
weight 0. With all weights equal, a metric has the value of `metrics.scores`. All metrics but average precision are
functions of sums over groups, so that a thousand resamples cost one matrix product.

Each public function takes truth (images,), probabilities (images, classes), group numbers (images,) and the number of
groups, and returns a `WeightedScore`.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from pipeline.evaluation.classification_curves import BINS, confidence_bins, one_against_rest

Truth = npt.NDArray[np.int64]
Probabilities = npt.NDArray[np.float64]
Weights = npt.NDArray[np.float64]
Scores = npt.NDArray[np.float64]
Groups = npt.NDArray[np.int64]
WeightedScore = Callable[[Weights], Scores]
"""From weights of groups, shape (resamples, groups), to scores, shape (resamples,); NaN where a score is undefined."""
WeightedMetric = Callable[[Truth, Probabilities, Groups, int], WeightedScore]
CountFormula = Callable[[Weights, Weights, Weights], Scores]
"""From counts per class (resamples, classes) of correct predictions, of all predictions and of the truth to scores."""

PORTION = 1_000_000
"""Largest number of elements of an array of weights of single images."""


def accuracy(truth: Truth, probabilities: Probabilities, groups: Groups, count: int) -> WeightedScore:
    """The weighted share of correct predictions."""
    return _mean(probabilities.argmax(axis=1) == truth, groups, count)


def log_loss(truth: Truth, probabilities: Probabilities, groups: Groups, count: int) -> WeightedScore:
    """The weighted mean of −ln(probability of the true class), clipped as in scikit-learn so that it is finite."""
    smallest = np.finfo(probabilities.dtype).eps
    of_truth = np.clip(probabilities[np.arange(len(truth)), truth], smallest, 1 - smallest)
    return _mean(-np.log(of_truth), groups, count)


def brier(truth: Truth, probabilities: Probabilities, groups: Groups, count: int) -> WeightedScore:
    """The weighted mean of squared distances; with two classes, half of the sum over classes."""
    classes = probabilities.shape[1]
    squared = ((probabilities - np.eye(classes)[truth]) ** 2).sum(axis=1)
    return _mean(squared / (2 if classes == 2 else 1), groups, count)


def balanced_accuracy(truth: Truth, probabilities: Probabilities, groups: Groups, count: int) -> WeightedScore:
    """The mean recall of the classes that have a weight."""
    correct, _, actual = _class_counts(truth, probabilities, groups, count)
    return lambda weights: _mean_over_classes(_ratio(weights @ correct, weights @ actual))


def f1(truth: Truth, probabilities: Probabilities, groups: Groups, count: int) -> WeightedScore:
    """F1 of the second of two classes, or the mean over the classes that have a weight."""
    correct, predicted, actual = _class_counts(truth, probabilities, groups, count)
    if probabilities.shape[1] == 2:

        def of_second(weights: Weights) -> Scores:
            counted = weights @ (predicted + actual)[:, 1]
            score = np.divide(2 * (weights @ correct[:, 1]), counted, out=np.zeros(len(weights)), where=counted > 0)
            return np.where(weights @ actual.sum(axis=1) > 0, score, np.nan)

        return of_second

    def of_classes(weights: Weights) -> Scores:
        present = weights @ actual
        scores = _ratio(2 * (weights @ correct), weights @ predicted + present)
        return _mean_over_classes(np.where(present > 0, scores, np.nan))

    return of_classes


def roc_auc(truth: Truth, probabilities: Probabilities, groups: Groups, count: int) -> WeightedScore:
    """The share of pairs, one image of the class and one of the rest, in the right order (Mann & Whitney 1947)."""
    classes = [
        (
            _ordered_pairs(positive, scores, groups, count),
            _sums(positive, groups, count),
            _sums(~positive, groups, count),
        )
        for positive, scores in one_against_rest(truth, probabilities)
    ]

    def score(weights: Weights) -> Scores:
        areas = [
            _ratio(((weights @ ordered) * weights).sum(axis=1), (weights @ positive) * (weights @ negative))
            for ordered, positive, negative in classes
        ]
        return _mean_over_classes(np.transpose(areas)) if areas else np.full(len(weights), np.nan)

    return score


def average_precision(truth: Truth, probabilities: Probabilities, groups: Groups, count: int) -> WeightedScore:
    """The mean of precision over the steps of recall, and over classes."""
    classes = list(one_against_rest(truth, probabilities))

    def score(weights: Weights) -> Scores:
        portions = np.array_split(weights, max(1, len(weights) * len(truth) // PORTION))
        return np.concatenate(
            [
                _mean_over_classes(
                    np.transpose([_step_area(positive, scores, groups, portion) for positive, scores in classes])
                )
                if classes
                else np.full(len(portion), np.nan)
                for portion in portions
            ]
        )

    return score


def calibration_error(truth: Truth, probabilities: Probabilities, groups: Groups, count: int) -> WeightedScore:
    """The expected calibration error, with the bins of `classification_curves.calibration`."""
    confidence, correct, bins = confidence_bins(truth, probabilities)
    gaps = np.zeros((count, BINS))
    np.add.at(gaps, (groups, bins), correct - confidence)
    images = _sums(np.ones(len(truth)), groups, count)
    return lambda weights: _ratio(np.abs(weights @ gaps).sum(axis=1), weights @ images)


def of_counts(formula: CountFormula) -> WeightedMetric:
    """The weighted metric that `formula` computes from the confusion matrix's diagonal and margins.

    The score is NaN where the truth holds a single class.
    """

    def metric(truth: Truth, probabilities: Probabilities, groups: Groups, count: int) -> WeightedScore:
        counts = _class_counts(truth, probabilities, groups, count)

        def score(weights: Weights) -> Scores:
            correct, predicted, actual = (weights @ one for one in counts)
            several = (actual > 0).sum(axis=1) > 1
            scores = np.full(len(weights), np.nan)
            scores[several] = formula(correct[several], predicted[several], actual[several])
            return scores

        return score

    return metric


def _ordered_pairs(
    positive: npt.NDArray[np.bool_], scores: npt.NDArray[np.float64], groups: Groups, count: int
) -> npt.NDArray[np.float64]:
    """Pairs (groups of the positive image, groups of the negative one) in which the positive image scores higher.

    Pairs of equal scores count half.
    """
    levels, places = np.unique(scores, return_inverse=True)
    at_level = np.zeros((len(levels) + 1, count))
    np.add.at(at_level, (places[~positive] + 1, groups[~positive]), 1.0)
    not_above = np.cumsum(at_level, axis=0)
    ordered = np.zeros((count, count))
    np.add.at(ordered, groups[positive], (not_above[places[positive]] + not_above[places[positive] + 1]) / 2)
    return ordered


def _step_area(
    positive: npt.NDArray[np.bool_], scores: npt.NDArray[np.float64], groups: Groups, weights: Weights
) -> Scores:
    """The mean of precision over the steps of recall; images of equal score form one step."""
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    weight = weights[:, groups[order]]
    selected = np.cumsum(weight, axis=1)[:, ends]
    correct = np.cumsum(weight * positive[order], axis=1)[:, ends]
    precision = np.divide(correct, selected, out=np.zeros_like(correct), where=selected > 0)
    gained = np.diff(correct, axis=1, prepend=0)
    # Average precision needs images of the class and of the rest.
    exists = (correct[:, -1] > 0) & (selected[:, -1] > correct[:, -1])
    return np.where(exists, _ratio((gained * precision).sum(axis=1), correct[:, -1]), np.nan)


def _class_counts(
    truth: Truth, probabilities: Probabilities, groups: Groups, count: int
) -> tuple[Weights, Weights, Weights]:
    """Images (groups, classes) that are correctly predicted, predicted and actually of the class."""
    predictions = probabilities.argmax(axis=1)
    correct, predicted, actual = np.zeros((3, count, probabilities.shape[1]))
    np.add.at(correct, (groups, truth), predictions == truth)
    np.add.at(predicted, (groups, predictions), 1.0)
    np.add.at(actual, (groups, truth), 1.0)
    return correct, predicted, actual


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
    """The mean over the classes of scores (resamples, classes) that are defined; NaN where no class is."""
    exists = np.isfinite(scores)
    return _ratio(np.where(exists, scores, 0).sum(axis=1), exists.sum(axis=1))
