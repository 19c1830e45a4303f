"""Pictures that look unlike the training images, one by one.

Each picture has six distances from the training images: one per measure of `MEASURES`, and that of its thumbnail under
probabilistic principal component analysis (Tipping & Bishop 1999, *Probabilistic principal component analysis*). A
distance is divided by that of the outermost 1 % of the training images, so that all six share one limit. The limit is
learned by cross-validation: about 0.5 % of images like the training images exceed it.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.deployment.picture_features import MEASURES, PictureFeatures

FLAGGED_SHARE = 0.005
"""Share of images like the training images that are flagged."""
OUTER = 0.01
"""Share of training images on each side of a measure that defines its unit of distance."""
FOLDS = 5
COMPONENTS = 16
"""Principal components of thumbnails, at most."""
SMALLEST_UNITS = (4.0, 4.0, 0.02, 0.01, 2.0)
"""Smallest unit of distance of each measure. Training images of constant brightness differ from others by rounding."""
SMALLEST_VARIANCE = 1.0
"""Of a thumbnail's grey level: the variance of rounding and of small changes by compression."""

FLAGS = (
    ("darker", "brighter"),
    ("less contrast", "more contrast"),
    ("blurred or smooth", "noisy or fine structure"),
    ("few black or white pixels", "many black or white pixels"),
    ("less colour", "more colour"),
)
"""For each measure, the flags of a picture below and above the training images."""
UNLIKE = "unlike the training images"
"""Flag of an unusual thumbnail."""


def limits(training: PictureFeatures) -> dict[str, Any]:
    """Learn what is usual from the features of training images, as values for a JSON file.

    Raises:
        ValueError: there are fewer images than folds.
    """
    count = len(training.measures)
    if count < FOLDS:
        raise ValueError(f"`training` must hold at least {FOLDS} images. Received {count}.")
    fold = np.random.default_rng(0).permutation(count) % FOLDS
    largest = np.empty(count)
    for number in range(FOLDS):
        usual = _Usual.of(training.of(fold != number))
        largest[fold == number] = np.abs(usual.distances(training.of(fold == number))).max(axis=1)
    usual = _Usual.of(training)
    learned = {name: np.round(value, 4).tolist() for name, value in usual._asdict().items()}
    return learned | {"limit": max(1.0, float(np.quantile(largest, 1 - FLAGGED_SHARE, method="higher")))}


def flags(features: PictureFeatures, learned: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """The flags of each of n pictures: empty for a usual picture, the strongest first.

    `learned` is the result of `limits`.
    """
    usual = _Usual(*(np.asarray(learned[name], np.float64) for name in _Usual._fields))
    distances = usual.distances(features)
    return [tuple(_flag(place, row[place]) for place in _exceeded(row, learned["limit"])) for row in distances]


def _exceeded(distances: NDArray[np.float64], limit: float) -> list[int]:
    """The places of the distances of one picture that exceed the limit, the largest first."""
    sizes = np.abs(distances)
    return [place for place in np.argsort(-sizes).tolist() if sizes[place] > limit]


def _flag(place: int, distance: float) -> str:
    return UNLIKE if place == len(MEASURES) else FLAGS[place][int(distance > 0)]


class _Usual(NamedTuple):
    """What training images look like.

    middle: the median of each measure, (5,).
    below, above: the distances of the outer 1 % on both sides of the median, (5,).
    mean: thumbnail, (64,).
    axes: the principal axes of thumbnails, (k, 64).
    deviations: the standard deviations along them, (k,).
    rest: the standard deviation of a grey level outside the axes.
    spread: the thumbnail distance that 1 % of the training images exceed.
    """

    middle: NDArray[np.float64]
    below: NDArray[np.float64]
    above: NDArray[np.float64]
    mean: NDArray[np.float64]
    axes: NDArray[np.float64]
    deviations: NDArray[np.float64]
    rest: NDArray[np.float64]
    spread: NDArray[np.float64]

    @classmethod
    def of(cls, training: PictureFeatures) -> "_Usual":
        """Learn from the features of training images."""
        low, middle, high = np.quantile(training.measures.astype(np.float64), (OUTER, 0.5, 1 - OUTER), axis=0)
        below, above = np.maximum(middle - low, SMALLEST_UNITS), np.maximum(high - middle, SMALLEST_UNITS)
        thumbnails = training.thumbnails.astype(np.float64)
        mean = thumbnails.mean(axis=0)
        # The eigenvectors of the small covariance matrix are found faster than the singular vectors of all images.
        ascending, vectors = np.linalg.eigh(np.cov(thumbnails.T, bias=True))
        variances, axes = np.maximum(ascending[::-1], SMALLEST_VARIANCE), vectors.T[::-1]
        count = min(COMPONENTS, max(1, len(thumbnails) // 10))
        rest = np.sqrt(max(variances[count:].sum() / (thumbnails.shape[1] - count), SMALLEST_VARIANCE))
        usual = cls(middle, below, above, mean, axes[:count], np.sqrt(variances[:count]), np.array(rest), np.array(1.0))
        spread = np.quantile(usual.thumbnail_distance(training), 1 - OUTER)
        # The mean squared Mahalanobis distance is the number of dimensions.
        return usual._replace(spread=np.maximum(spread, np.sqrt(thumbnails.shape[1])))

    def distances(self, features: PictureFeatures) -> NDArray[np.float64]:
        """The distance of each of n pictures from the training images, in units of the outer 1 %: (n, 6).

        Distances by a measure are negative below the median. That of the thumbnail is the last one.
        """
        apart = features.measures - self.middle
        by_measure = apart / np.where(apart < 0, self.below, self.above)
        return np.column_stack([by_measure, self.thumbnail_distance(features)])

    def thumbnail_distance(self, features: PictureFeatures) -> NDArray[np.float64]:
        """The Mahalanobis distance of each thumbnail divided by `spread`, (n,)."""
        apart = features.thumbnails - self.mean
        inside = apart @ self.axes.T
        outside = ((apart**2).sum(axis=1) - (inside**2).sum(axis=1)).clip(min=0)
        squared = ((inside / self.deviations) ** 2).sum(axis=1) + outside / self.rest**2
        distance: NDArray[np.float64] = np.sqrt(squared) / self.spread
        return distance
