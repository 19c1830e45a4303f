"""The accuracy on new pictures, estimated without their true classes, by the average thresholded confidence.

Garg et al. 2022, *Leveraging unlabeled data to predict out-of-distribution performance*. The estimate is the share of
pictures whose confidence reaches a threshold, chosen so that the share on validation images equals the accuracy there.
It assumes that mistakes have low confidence. A network that is confidently wrong about pictures of another kind makes
the estimate too high.
"""

from typing import NamedTuple

import numpy as np
from scipy.stats import norm

from pipeline.deployment.drift.compared import FEWEST, Compared
from pipeline.deployment.reference import Predicted

LEVEL = 0.95
"""Confidence level of the interval, and of the one-sided statement that the accuracy is lower."""


class Estimate(NamedTuple):
    """An estimated accuracy with its interval, and the reported accuracy.

    accuracy, low, high: the estimate for the new pictures, and its 95 % interval.
    reported: accuracy on the images of the reported score.
    images: number of these images.
    lost_at_least: how much accuracy is lost at least, with a probability of 95 %; negative if perhaps none is.
    """

    accuracy: float
    low: float
    high: float
    reported: float
    images: int
    lost_at_least: float


def estimated_accuracy(compared: Compared) -> Estimate:
    """Estimate the accuracy: the reported one plus the change of the share of confident pictures since then."""
    scored, confidence = compared.reference.scored, compared.new.confidence
    validation = compared.reference.validation
    threshold = confident_from(validation if len(validation.labels) >= FEWEST else scored)
    now, before = float((confidence >= threshold).mean()), float((scored.confidence >= threshold).mean())
    reported = float(scored.correct.mean())
    accuracy = min(max(reported + now - before, 0.0), 1.0)
    variance = _variance(now, len(confidence)) + _variance(before, len(scored.confidence))
    error = float(np.sqrt(variance + _variance(reported, len(scored.correct))))
    half = error * float(norm.ppf((1 + LEVEL) / 2))
    return Estimate(
        accuracy,
        max(accuracy - half, 0.0),
        min(accuracy + half, 1.0),
        reported,
        len(scored.correct),
        reported - accuracy - error * float(norm.ppf(LEVEL)),
    )


def confident_from(validation: Predicted) -> float:
    """The confidence that as many validation images reach as are classified correctly.

    >>> confident_from(Predicted(np.zeros(4, int), np.array([0.9, 0.8, 0.7, 0.6]), np.array([True, False, True, True])))
    0.7
    """
    correct = int(validation.correct.sum())
    ordered = np.sort(validation.confidence)[::-1]
    return float(ordered[correct - 1]) if correct else np.inf


def _variance(share: float, count: int) -> float:
    """The variance of a share of `count` (Agresti & Coull 1998): above 0, even if the share is 0 or 1."""
    smoothed = (share * count + 2) / (count + 4)
    return smoothed * (1 - smoothed) / (count + 4)
