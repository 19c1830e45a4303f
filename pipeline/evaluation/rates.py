"""How good the probabilities are: ROC, precision–recall and calibration curves.

Two classes are judged by the second of them; more than two one class against the rest, and the mean over classes.
scikit-learn is imported where it computes: who only shows a curve does not wait for it.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

# Where the curves of several classes are read before their mean is taken.
GRID = np.linspace(0, 1, 501)


class RateCurve(NamedTuple):
    """A curve of equal-length arrays x and y between 0 and 1, and the score that sums it up."""

    x: np.ndarray
    y: np.ndarray
    score: float


class Calibration(NamedTuple):
    """Per bin of confidence that holds images: their mean confidence, the share that is right, and their number.

    `error` is the expected calibration error: the mean gap between confidence and accuracy, weighted by the number.
    """

    confidence: np.ndarray
    accuracy: np.ndarray
    images: np.ndarray
    error: float


def _judged(truth: np.ndarray, probability: np.ndarray) -> Iterable[tuple[np.ndarray, np.ndarray]]:
    """Truth (true or false) and probability of the second of two classes, or of each class that can be judged."""
    if probability.ndim != 2 or len(truth) != len(probability):
        raise ValueError(
            "`probability` must have shape (images, classes) with a row for each of `truth`. "
            f"Received probability {probability.shape}, truth {truth.shape}."
        )
    classes = [1] if probability.shape[1] == 2 else range(probability.shape[1])
    judged = [(truth == index, probability[:, index]) for index in classes if 0 < (truth == index).sum() < len(truth)]
    if not judged:
        raise ValueError(f"`truth` must hold at least two classes. Received only {np.unique(truth).tolist()}.")
    return judged


def roc(truth: np.ndarray, probability: np.ndarray) -> RateCurve:
    """True against false positive rate, and the area under it (Fawcett 2006, *An introduction to ROC analysis*).

    Args:
        truth: class indices, shape (images,).
        probability: shape (images, classes). Of more than two classes, those without an image are left out.

    Raises:
        ValueError: the shapes do not fit, or `truth` holds one class only.
    """
    from sklearn.metrics import roc_auc_score, roc_curve

    judged = _judged(truth, probability)
    curves = [roc_curve(true, scores)[:2] for true, scores in judged]
    area = float(np.mean([roc_auc_score(true, scores) for true, scores in judged]))
    if len(curves) == 1:
        (false, true), *_ = curves
        return RateCurve(false, true, area)
    rate = np.mean([np.interp(GRID, false, true) for false, true in curves], axis=0)
    return RateCurve(np.r_[0.0, GRID], np.r_[0.0, rate], area)


def precision_recall(truth: np.ndarray, probability: np.ndarray) -> RateCurve:
    """Precision against recall as steps, and the average precision; arguments and errors as `roc`.

    Nothing is interpolated between two points of one class (Davis & Goadrich 2006): the step between them is what
    average precision sums.
    """
    from sklearn.metrics import average_precision_score, precision_recall_curve

    judged = _judged(truth, probability)
    curves = [precision_recall_curve(true, scores)[:2] for true, scores in judged]
    score = float(np.mean([average_precision_score(true, scores) for true, scores in judged]))
    if len(curves) == 1:
        return RateCurve(curves[0][1][::-1], curves[0][0][::-1], score)
    # Recall falls along sklearn's arrays; at a given recall the step's precision is that of the next higher recall.
    steps = [precision[::-1][np.searchsorted(recall[::-1], GRID)] for precision, recall in curves]
    return RateCurve(GRID, np.mean(steps, axis=0), score)


def calibration(truth: np.ndarray, probability: np.ndarray, *, bins: int = 10) -> Calibration:
    """How often the most probable class is right, against how probable it was said to be (Guo et al. 2017, section 2).

    Args:
        truth: class indices, shape (images,).
        probability: shape (images, classes).
        bins: bins of equal width between 0 and 1, each without its lower bound.
    """
    confidence, right = probability.max(axis=1), probability.argmax(axis=1) == truth
    places = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    images = np.bincount(places, minlength=bins)
    held = images > 0
    mean_confidence = np.bincount(places, confidence, minlength=bins)[held] / images[held]
    accuracy = np.bincount(places, right, minlength=bins)[held] / images[held]
    error = float((np.abs(accuracy - mean_confidence) * images[held]).sum() / len(truth))
    return Calibration(mean_confidence, accuracy, images[held], error)
