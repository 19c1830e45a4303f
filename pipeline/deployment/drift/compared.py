"""The samples that the checks compare: new pictures, and the images of the model with comparable classes."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pipeline.deployment.drift.new_pictures import NewPictures
from pipeline.deployment.picture_features import PictureFeatures
from pipeline.deployment.reference import MOST, Reference

FEWEST = 50
"""With fewer pictures, only single unusual pictures can be recognised."""


@dataclass(frozen=True)
class Compared:
    """New pictures and what they are compared with.

    Args:
        new: the new pictures.
        reference: the images of the model.
        classes: the names of the classes.
        match: compare with training images that have the predicted class shares of the new pictures, so that only
            other differences than those of the classes are found.
    """

    new: NewPictures
    reference: Reference
    classes: tuple[str, ...]
    match: bool = False

    @cached_property
    def features(self) -> PictureFeatures:
        """The features of at most `MOST` new pictures."""
        rows = np.random.default_rng(0).permutation(self.new.size)[:MOST]
        return self.new.features.of(np.sort(rows))

    @cached_property
    def training(self) -> PictureFeatures:
        """The features of training images."""
        if not self.match:
            return self.reference.training
        rows = matching_rows(self.reference.training_labels, self.predicted_counts)
        # So few training images would show no difference. Then the class shares are part of the difference.
        return self.reference.training.of(rows) if len(rows) >= FEWEST else self.reference.training

    @property
    def predicted_counts(self) -> NDArray[np.int64]:
        """New pictures of each predicted class, (classes,)."""
        return np.bincount(self.new.labels, minlength=len(self.classes))

    @property
    def scored_counts(self) -> NDArray[np.int64]:
        """Images behind the reported score of each predicted class, (classes,)."""
        return np.bincount(self.reference.scored.labels, minlength=len(self.classes))


def matching_rows(labels: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """As many rows as possible whose classes have the shares of `counts`, drawn with a fixed seed, ascending.

    >>> matching_rows(np.array([0, 0, 0, 0, 1, 1]), np.array([10, 20])).tolist()
    [2, 4, 5]
    """
    available = np.bincount(labels, minlength=len(counts))
    shares = counts / counts.sum()
    size = min(available[shares > 0] / shares[shares > 0])
    random = np.random.default_rng(0)
    rows = [
        random.permutation(np.flatnonzero(labels == label))[: round(size * share)]
        for label, share in enumerate(shares.tolist())
    ]
    return np.sort(np.concatenate(rows))
