"""Baselines: each module in this folder is a classifier that needs no network.

A model that is no better than a baseline has not learned more from the images than the baseline uses. A module has
four functions:

    features(pixels)                 numbers that describe each image, (n, features), from pixels (n, height, width,
                                     channels) of type uint8
    fit(features, labels, classes)   a function from features (n, features) to probabilities (n, classes), fitted to the
                                     features and the labels (n,) of training images; classes without a training image
                                     are possible
    size(image_shape, classes)       its `Size`
    description(labels, classes)     what it does, to continue the sentence "no model is better than …"; `labels` (n,)
                                     are those of the training images, `classes` the names of all classes
"""

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pipeline.errors import unknown

Features = npt.NDArray[np.float64]
Predict = Callable[[Features], npt.NDArray[np.float64]]


class Size(NamedTuple):
    """The size of a fitted baseline: fitted numbers, multiply–accumulates per image, and numbers in memory at once."""

    parameters: int
    multiply_accumulates: int
    largest_activations: int


def baseline_names() -> list[str]:
    """The names of all baselines, sorted.

    >>> baseline_names()
    ['grey_levels', 'most_frequent']
    """
    return sorted(file.stem for file in Path(__file__).parent.glob("*.py") if file.stem != "__init__")


def check_baselines(names: Sequence[str]) -> None:
    """Raise a UserError for the first name that is not a baseline."""
    available = baseline_names()
    for name in names:
        if name not in available:
            raise unknown("baseline", name, available)


def baseline_module(name: str) -> Any:
    """The module of a baseline.

    Raises:
        UserError: there is no such baseline.
    """
    check_baselines([name])
    return import_module(f"pipeline.baselines.{name}")
