"""A trained model as the interpretation sees it: its networks and their test images."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import keras


class Replicate(NamedTuple):
    """One training of a model, with test images of its own split.

    `pixels` is uint8 of shape (n, height, width, channels) and `labels` (n,). `standardise` turns pixels, also those
    that are no whole numbers, into the input of `network`, whose output is one probability per class, or a single one.
    """

    number: int
    network: "keras.Model"
    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    standardise: Callable[[NDArray[np.uint8] | NDArray[np.float32]], NDArray[np.float32]]


@dataclass(frozen=True)
class Subject:
    """A model whose network takes one image and predicts its class.

    `architecture` is the network's JSON and `best` the replicate with the lowest validation loss. `replicates` yields
    all of them, `best` included, and builds each network when it is reached.
    """

    name: str
    architecture: str
    classes: tuple[str, ...]
    best: Replicate
    replicates: Callable[[], Iterator[Replicate]]
