"""The most confident mistakes of a model."""

import numpy as np
from numpy.typing import NDArray


def worst_mistakes(truth: NDArray[np.int64], probabilities: NDArray[np.floating], count: int) -> NDArray[np.int64]:
    """Positions of the `count` wrong predictions with the highest confidence, the most confident first.

    `truth` is (images,) class indices and `probabilities` (images, classes). If there are fewer wrong predictions, all
    of them are returned. Predictions of equal confidence keep the order of the images.
    """
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != truth)
    confidence = probabilities[wrong].max(axis=1)
    return wrong[np.argsort(-confidence, kind="stable")[:count]]
