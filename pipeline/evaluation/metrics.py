"""Scores of predicted probabilities against the truth.

`truth` is (n,) class indices; `probabilities` is (n, classes), rows summing to one. For two classes the second one is
the positive class; for more, F1, ROC AUC and average precision are means over classes, each against the rest.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from pipeline.evaluation import rates

Truth = npt.NDArray[np.int64]
Probabilities = npt.NDArray[np.float64]

LOWER_IS_BETTER = frozenset({"log_loss", "brier", "calibration_error"})
"""Metrics that measure an error; every other metric is better high."""


def class_probabilities(outputs: npt.NDArray[np.floating]) -> Probabilities:
    """A network's outputs (n, 1) of one sigmoid or (n, classes) of a softmax as probabilities (n, classes).

    >>> class_probabilities(np.array([[0.25]])).tolist()
    [[0.75, 0.25]]
    """
    outputs = np.asarray(outputs, np.float64)
    if outputs.shape[1] == 1:
        return np.hstack([1 - outputs, outputs])
    return np.asarray(outputs / outputs.sum(axis=1, keepdims=True))


def scores(truth: Truth, probabilities: Probabilities) -> Iterator[tuple[str, float]]:
    """Name and value of every metric; a class that the truth lacks is left out of the means over classes.

    Log-loss is in nats. Brier (1950): mean squared distance between probabilities and truth, summed over classes, half
    of it for two classes, as is usual.
    """
    from sklearn import metrics

    predicted = probabilities.argmax(axis=1)
    present = np.unique(truth)
    yield "accuracy", float((truth == predicted).mean())
    yield "balanced_accuracy", float(np.mean([(predicted[truth == label] == label).mean() for label in present]))
    if probabilities.shape[1] == 2:
        yield "f1", float(metrics.f1_score(truth, predicted, zero_division=0))
    else:
        yield "f1", float(metrics.f1_score(truth, predicted, labels=present, average="macro", zero_division=0))
    if len(present) > 1:
        yield "roc_auc", rates.roc(truth, probabilities).score
        yield "average_precision", rates.precision_recall(truth, probabilities).score
    labels = np.arange(probabilities.shape[1])
    yield "log_loss", float(metrics.log_loss(truth, probabilities, labels=labels))
    squared = (probabilities - np.eye(len(labels))[truth]) ** 2
    yield "brier", float(squared.sum(axis=1).mean() / (2 if len(labels) == 2 else 1))
    yield "calibration_error", rates.calibration(truth, probabilities).error


def confusion(truth: Truth, probabilities: Probabilities) -> npt.NDArray[np.int64]:
    """Counts (classes, classes): rows are the truth, columns the predicted class."""
    from sklearn import metrics

    labels = np.arange(probabilities.shape[1])
    counts: npt.NDArray[np.int64] = metrics.confusion_matrix(truth, probabilities.argmax(axis=1), labels=labels)
    return counts


def worst_mistakes(truth: Truth, probabilities: Probabilities, count: int) -> npt.NDArray[np.int64]:
    """Positions of the wrong answers given with the most confidence, the most confident first."""
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != truth)
    confidence = probabilities[wrong].max(axis=1)
    return wrong[np.argsort(-confidence, kind="stable")[:count]]
