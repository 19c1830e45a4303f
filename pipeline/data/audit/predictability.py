"""How well the classes of test images are predicted from something other than all their pixels."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.data.splits import TEST

REPLICATES = 5
"""Replicates whose splits are used, at most."""
MOST_TRAINING, MOST_TEST = 50_000, 5_000
"""Images that are used, at most; they are drawn with a fixed seed."""
DEVIATIONS = 3.0
"""A score that exceeds chance by fewer standard deviations may be luck."""


class Predicted(NamedTuple):
    """True and predicted classes of test images."""

    truth: NDArray[np.int64]
    classes: NDArray[np.int64]


class Predictability(NamedTuple):
    """Balanced accuracy, what chance reaches, and whether the difference exceeds luck and the margin."""

    score: float
    chance: float
    excessive: bool


def predictability(
    model: Any, features: Any, labels: NDArray[np.int64], splits: NDArray[np.uint8], *, margin: float
) -> Predictability:
    """Fit a classifier of scikit-learn to the images outside the test set, and score it on the test set.

    Args:
        model: fitted anew for each replicate.
        features: n rows.
        labels: the class of each of n images.
        splits: replicates × n.
        margin: how far a score may exceed chance.
    """
    predicted = []
    for split in splits[:REPLICATES]:
        training, tested = sampled_parts(split)
        model.fit(features[training], labels[training])
        predicted.append(Predicted(labels[tested], model.predict(features[tested])))
    count = int(labels.max()) + 1
    score = float(np.mean([balanced_accuracy(one, count) for one in predicted]))
    chance = 1 / len(np.unique(predicted[0].truth))
    # The test sets of folds differ, those of other splits do not: one test set is assumed.
    sizes = np.bincount(predicted[0].truth, minlength=count)
    sizes = sizes[sizes > 0]
    deviation = float(np.sqrt((chance * (1 - chance) / sizes).sum()) / len(sizes))
    return Predictability(score, chance, score > chance + max(margin, DEVIATIONS * deviation))


def by_nearest_image(
    thumbnails: NDArray[np.uint8], labels: NDArray[np.int64], training: NDArray[np.int64], tested: NDArray[np.int64]
) -> Predicted:
    """Predict the class of each tested row as that of the training row with the most similar thumbnail."""
    from sklearn.neighbors import KNeighborsClassifier  # takes a second

    model = KNeighborsClassifier(n_neighbors=1, algorithm="brute")
    model.fit(thumbnails[training].astype(np.float32), labels[training])
    return Predicted(labels[tested], model.predict(thumbnails[tested].astype(np.float32)))


def balanced_accuracy(predicted: Predicted, classes: int) -> float:
    """The mean of the recalls of the classes that occur."""
    sizes = np.bincount(predicted.truth, minlength=classes)
    right = np.bincount(predicted.truth[predicted.truth == predicted.classes], minlength=classes)
    return float((right[sizes > 0] / sizes[sizes > 0]).mean())


def sampled_parts(split: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows outside and inside the test set, each at most as many as are used."""
    random = np.random.default_rng(0)
    parts = []
    for inside, most in ((False, MOST_TRAINING), (True, MOST_TEST)):
        rows = np.flatnonzero((split == TEST) == inside)
        parts.append(np.sort(random.choice(rows, most, replace=False)) if len(rows) > most else rows)
    return parts[0], parts[1]
