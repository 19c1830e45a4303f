"""Calibrated confidence: one temperature for all classes, fitted to images that the network was not trained on.

The temperature T divides the logarithms of the probabilities before they are normalised again (Guo et al. 2017, "On
calibration of modern neural networks", section 4.2). It changes no predicted class. A prior keeps it near 1 if there
are few images: without any mistake among them, the likeliest temperature would be 0. A threshold on the confidence lets
a network abstain, so that the pictures that it classifies have fewer errors (Geifman and El-Yaniv 2017, "Selective
classification for deep neural networks").
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Probabilities = npt.NDArray[np.float64]  # images, classes; rows sum to 1
Truth = npt.NDArray[np.int64]  # images: index of the class

COLDEST, HOTTEST = 0.05, 20.0
"""Limits of the temperature."""
PRIOR = 0.25
"""Standard deviation of the logarithm of the temperature before any image is seen, around 0: T is likely 0.6 to 1.6."""
ERROR_RATES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
"""Error rates for which a threshold is stored."""
NEVER = 1.1
"""A threshold that no confidence reaches."""


class Threshold(NamedTuple):
    """The confidence below which a network abstains.

    Attributes:
        error_rate: the wanted share of misclassified pictures.
        confidence: the lowest calibrated confidence of a picture that is classified.
        coverage: the share of test images that reach the threshold.
        measured: the error rate among these test images; None if there are none.
    """

    error_rate: float
    confidence: float
    coverage: float
    measured: float | None


def tempered(probabilities: Probabilities, temperature: float) -> Probabilities:
    """Return probabilities (images, classes) at another temperature; 1 changes nothing, more makes them more equal.

    >>> tempered(np.array([[0.8, 0.2]]), 2).round(3).tolist()
    [[0.667, 0.333]]
    """
    logarithms = np.log(np.clip(probabilities, 1e-12, None)) / temperature
    powers = np.exp(logarithms - logarithms.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def fitted_temperature(truth: Truth, probabilities: Probabilities) -> float:
    """Return the most probable temperature within `COLDEST` and `HOTTEST`.

    It has the lowest sum of the cross-entropy of these images and of the negative logarithm of the normal prior with
    standard deviation `PRIOR` of the temperature's logarithm.
    """
    from scipy.optimize import minimize_scalar  # takes a moment to import

    def loss(logarithm: float) -> float:
        own = tempered(probabilities, float(np.exp(logarithm)))[np.arange(len(truth)), truth]
        return float(-np.log(np.clip(own, 1e-12, None)).sum() + (logarithm / PRIOR) ** 2 / 2)

    return float(np.exp(minimize_scalar(loss, bounds=np.log([COLDEST, HOTTEST]), method="bounded").x))


def lowest_confidence(truth: Truth, probabilities: Probabilities, error_rate: float) -> float:
    """Return the lowest confidence from which the expected error rate is at most `error_rate`.

    If n images reach the threshold, the expected error rate is (errors + 1) / (n + 1), the correction of conformal risk
    control (Angelopoulos et al. 2024): a new picture counts as an error. Without the correction, the rate would be too
    low, because the threshold is chosen on the same images. An error rate thus needs at least 1 / `error_rate` − 1
    images.

    The result is 0 if the network need not abstain, and `NEVER` if it must always abstain.

    >>> sure = np.array([[0.9, 0.1], [0.8, 0.2], [0.6, 0.4]])
    >>> lowest_confidence(np.array([0, 0, 1]), sure, 0.34), lowest_confidence(np.array([0, 0, 1]), sure, 0.5)
    (0.8, 0.0)
    """
    confidence = probabilities.max(axis=1)
    order = np.argsort(-confidence, kind="stable")
    wrong = np.cumsum(probabilities.argmax(axis=1)[order] != truth[order])
    rate, sorted_confidence = (wrong + 1) / np.arange(2, len(order) + 2), confidence[order]
    # Images of the same confidence are all above a threshold, or all below it.
    last = np.append(sorted_confidence[1:] != sorted_confidence[:-1], True)
    allowed = np.flatnonzero((rate <= error_rate) & last)
    if not len(allowed):
        return NEVER
    return 0.0 if allowed[-1] == len(order) - 1 else float(sorted_confidence[allowed[-1]])


def thresholds(validation: tuple[Truth, Probabilities], test: tuple[Truth, Probabilities] | None) -> list[Threshold]:
    """Return a threshold for each of `ERROR_RATES`.

    They are chosen on validation images with calibrated probabilities. Coverage and error rate are measured on `test`
    images, without them on the validation images.
    """
    chosen = []
    truth, probabilities = test or validation
    confidence, wrong = probabilities.max(axis=1), probabilities.argmax(axis=1) != truth
    for rate in ERROR_RATES:
        least = lowest_confidence(*validation, rate)
        answered = confidence >= least
        measured = float(wrong[answered].mean()) if answered.any() else None
        chosen.append(Threshold(rate, least, float(answered.mean()), measured))
    return chosen
