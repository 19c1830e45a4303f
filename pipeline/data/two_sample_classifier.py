"""A classifier that separates two samples of images, if they differ (Lopez-Paz & Oquab 2017).

Lopez-Paz & Oquab, *Revisiting classifier two-sample tests*. Features of different scales need no standardisation,
because the classifier is a forest.
"""

import math

import numpy as np
from numpy.typing import NDArray

FOLDS = 5
"""Folds of the cross-validation: each sample needs at least as many groups."""


def separation(
    features: NDArray[np.float32], truth: NDArray[np.bool_], groups: NDArray[np.int64] | None = None
) -> float:
    """The area under the ROC curve of a cross-validated classifier of two samples; 0.5 if they do not differ.

    Args:
        features: of n images, (n, features).
        truth: whether an image belongs to the second sample, (n,).
        groups: the group of each image, (n,): folds keep groups together, because the classifier would recognise them.
            By default, each image is a group of its own.
    """
    from sklearn.ensemble import ExtraTreesClassifier  # takes a second
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, cross_val_predict

    model = ExtraTreesClassifier(100, min_samples_leaf=5, class_weight="balanced", random_state=0)
    kind = StratifiedKFold if groups is None else StratifiedGroupKFold
    folds = kind(FOLDS, shuffle=True, random_state=0)
    scores = cross_val_predict(model, features, truth, groups=groups, cv=folds, method="predict_proba")[:, 1]
    return float(roc_auc_score(truth, scores))


def chance_deviation(inside: int, outside: int) -> float:
    """The standard deviation by chance of the area under the curve of two samples: that of the Mann–Whitney statistic.

    >>> round(chance_deviation(50, 50), 3)
    0.058
    """
    return math.sqrt((inside + outside + 1) / (12 * inside * outside))
