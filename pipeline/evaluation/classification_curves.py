"""ROC, precision–recall and calibration curves of predicted probabilities.

With two classes, the second one is the positive class. With more, each class is compared with the rest and the curves
are averaged over classes. scikit-learn is imported inside the functions because importing it takes long.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

GRID = np.linspace(0, 1, 501)
"""The x values at which the curves of several classes are averaged."""
BINS = 10
"""Bins of confidence in a calibration curve."""


class RateCurve(NamedTuple):
    """A curve of equally long arrays x and y between 0 and 1, and the score that summarises it."""

    x: np.ndarray
    y: np.ndarray
    score: float


class Calibration(NamedTuple):
    """Mean confidence, accuracy and number of images of each bin of confidence that is not empty.

    `error` is the expected calibration error: the mean of |accuracy − confidence| over bins, weighted by their images.
    """

    confidence: np.ndarray
    accuracy: np.ndarray
    images: np.ndarray
    error: float


class ConfidenceBins(NamedTuple):
    """For each image: the highest probability, whether that class is correct, and the bin of the probability."""

    confidence: npt.NDArray[np.float64]
    correct: npt.NDArray[np.bool_]
    bins: npt.NDArray[np.int64]


def one_against_rest(truth: np.ndarray, probabilities: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield (is it the class, probability of the class), both (images,): once for two classes, else once per class.

    Skip a class that none or all of the images belong to.
    """
    classes = [1] if probabilities.shape[1] == 2 else range(probabilities.shape[1])
    for label in classes:
        positive = truth == label
        if 0 < positive.sum() < len(positive):
            yield positive, probabilities[:, label]


def confidence_bins(truth: np.ndarray, probabilities: np.ndarray, *, bins: int = BINS) -> ConfidenceBins:
    """Sort images into `bins` bins of equal width between 0 and 1, each without its lower bound.

    `truth` is (images,) class indices and `probabilities` (images, classes).
    """
    confidence, correct = probabilities.max(axis=1), probabilities.argmax(axis=1) == truth
    return ConfidenceBins(confidence, correct, np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1))


def roc(truth: np.ndarray, probabilities: np.ndarray) -> RateCurve:
    """True positive rate over false positive rate, and the area under the curve (Fawcett 2006).

    Fawcett, *An introduction to ROC analysis*.

    Args:
        truth: class indices, shape (images,).
        probabilities: shape (images, classes). With more than two classes, classes without an image are skipped.

    Raises:
        ValueError: the shapes do not match, or `truth` holds a single class.
    """
    from sklearn.metrics import roc_auc_score, roc_curve

    classes = _checked_classes(truth, probabilities)
    curves = [roc_curve(positive, scores)[:2] for positive, scores in classes]
    area = float(np.mean([roc_auc_score(positive, scores) for positive, scores in classes]))
    if len(curves) == 1:
        (false_rate, true_rate), *_ = curves
        return RateCurve(false_rate, true_rate, area)
    mean_rate = np.mean([np.interp(GRID, false_rate, true_rate) for false_rate, true_rate in curves], axis=0)
    return RateCurve(np.r_[0.0, GRID], np.r_[0.0, mean_rate], area)


def precision_recall(truth: np.ndarray, probabilities: np.ndarray) -> RateCurve:
    """Precision over recall as a step function, and the average precision. Arguments and errors as in `roc`.

    Points are not interpolated (Davis & Goadrich 2006): average precision is the area under the steps.
    """
    from sklearn.metrics import average_precision_score, precision_recall_curve

    classes = _checked_classes(truth, probabilities)
    curves = [precision_recall_curve(positive, scores)[:2] for positive, scores in classes]
    score = float(np.mean([average_precision_score(positive, scores) for positive, scores in classes]))
    if len(curves) == 1:
        return RateCurve(curves[0][1][::-1], curves[0][0][::-1], score)
    # scikit-learn's arrays have falling recall. The precision at a recall is that of the next higher recall.
    steps = [precision[::-1][np.searchsorted(recall[::-1], GRID)] for precision, recall in curves]
    return RateCurve(GRID, np.mean(steps, axis=0), score)


def calibration(truth: np.ndarray, probabilities: np.ndarray, *, bins: int = BINS) -> Calibration:
    """Accuracy over confidence, the probability of the predicted class (Guo et al. 2017, section 2).

    Args:
        truth: class indices, shape (images,).
        probabilities: shape (images, classes).
        bins: number of bins of equal width between 0 and 1.
    """
    confidence, correct, places = confidence_bins(truth, probabilities, bins=bins)
    images = np.bincount(places, minlength=bins)
    filled = images > 0
    mean_confidence = np.bincount(places, confidence, minlength=bins)[filled] / images[filled]
    accuracy = np.bincount(places, correct, minlength=bins)[filled] / images[filled]
    error = float((np.abs(accuracy - mean_confidence) * images[filled]).sum() / len(truth))
    return Calibration(mean_confidence, accuracy, images[filled], error)


def _checked_classes(truth: np.ndarray, probabilities: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    if probabilities.ndim != 2 or len(truth) != len(probabilities):
        raise ValueError(
            "`probabilities` must have shape (images, classes) with one row per element of `truth`. "
            f"Received probabilities {probabilities.shape}, truth {truth.shape}."
        )
    classes = list(one_against_rest(truth, probabilities))
    if not classes:
        raise ValueError(f"`truth` must hold at least two classes. Received only {np.unique(truth).tolist()}.")
    return classes
