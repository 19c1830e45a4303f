"""A logistic regression on the mean and the standard deviation of each channel's grey levels.

These numbers hold no spatial information: shuffling the pixels of an image changes nothing. The regression is that of
scikit-learn with its default penalty, on features that are standardised over the training images.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from pipeline.baselines import Features, Predict, Size
from pipeline.data.measured import channel_sums

STEPS = 1000
"""Largest number of steps of the solver, which needs about ten."""


def features(pixels: npt.NDArray[np.uint8]) -> Features:
    """The means of the channels, then their standard deviations, in grey levels, shape (n, 2 · channels)."""
    values = pixels.shape[1] * pixels.shape[2]
    sums, squares = channel_sums(pixels)
    means = sums / values
    return np.hstack([means, np.sqrt((squares / values - means**2).clip(min=0))])


def fit(features: Features, labels: npt.NDArray[np.int64], classes: int) -> Predict:
    """Fit the regression. A class without a training image gets probability 0, an only class probability 1."""
    # Imported here because scikit-learn takes long to import.
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    present = np.unique(labels)
    regression = make_pipeline(StandardScaler(), LogisticRegression(max_iter=STEPS))
    if len(present) > 1:
        regression.fit(features, labels)

    def predict(images: Features) -> npt.NDArray[np.float64]:
        probabilities = np.zeros((len(images), classes))
        probabilities[:, present] = regression.predict_proba(images) if len(present) > 1 else 1.0
        return probabilities

    return predict


def size(image_shape: tuple[int, int, int], classes: int) -> Size:
    """A weight per feature and a bias, for every class or once for two; one square per pixel for the deviations."""
    height, width, channels = image_shape
    outputs = 1 if classes == 2 else classes
    return Size(
        parameters=(2 * channels + 1) * outputs,
        multiply_accumulates=height * width * channels + 2 * channels * outputs,
        largest_activations=(height * width + 2) * channels,
    )


def description(labels: npt.NDArray[np.int64], classes: Sequence[str]) -> str:
    """Name the features."""
    return "a logistic regression on mean and deviation of grey levels"
