"""The most frequent class: every image gets the shares of the classes among the training images as probabilities.

It looks at no image, so its ROC AUC is exactly 0.5. Its accuracy is the share of the most frequent class.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from pipeline.baselines import Features, Predict, Size


def features(pixels: npt.NDArray[np.uint8]) -> Features:
    """No numbers per image, shape (n, 0)."""
    return np.empty((len(pixels), 0))


def fit(features: Features, labels: npt.NDArray[np.int64], classes: int) -> Predict:
    """Predict the class shares of `labels` for every image."""
    shares = np.bincount(labels, minlength=classes) / len(labels)
    return lambda images: np.tile(shares, (len(images), 1))


def size(image_shape: tuple[int, int, int], classes: int) -> Size:
    """One share per class but the last, which the others determine."""
    return Size(parameters=classes - 1, multiply_accumulates=0, largest_activations=classes)


def description(labels: npt.NDArray[np.int64], classes: Sequence[str]) -> str:
    """Name the most frequent class.

    >>> description(np.array([0, 1, 1]), ["functional", "defective"])
    'always predicting defective'
    """
    return f"always predicting {classes[int(np.bincount(labels).argmax())]}"
