"""Predictions of trained replicates, and the file that stores them.

The file is an npz whose arrays are named `OUTPUT-PART-REPLICATE`, such as `output-truth-0`. Reading it needs neither
the data nor the network nor TensorFlow.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.storage.files import damaged
from pipeline.storage.stored_arrays import read_arrays

PARTS = ("images", "partners", "groups", "subgroups", "classes", "truth", "probabilities", "trained_on")


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """The predictions of one output of one replicate for n images.

    Attributes:
        images: numbers of the images among the prepared ones, ascending, shape (n,).
        groups: number of each image's group, shape (n,); an image without a group forms its own group.
        classes: names of the classes that the output distinguishes, shape (classes,).
        truth: indices of the true classes, shape (n,).
        probabilities: predicted probabilities, shape (n, classes).
        trained_on: number of images that the replicate was trained on.
        partners: numbers of the second images, shape (n,), if the network takes pairs.
        subgroups: name of each image's subgroup, shape (n,), if the data have subgroups.
    """

    images: npt.NDArray[np.int64]
    groups: npt.NDArray[np.int64]
    classes: npt.NDArray[np.str_]
    truth: npt.NDArray[np.int64]
    probabilities: npt.NDArray[np.float64]
    trained_on: int
    partners: npt.NDArray[np.int64] | None = None
    subgroups: npt.NDArray[np.str_] | None = None


def write_predictions(file: Path, predictions: Mapping[str, Mapping[int, Predictions]]) -> None:
    """Write predictions by output and replicate; a model's first output comes first."""
    arrays = {
        f"{output}-{part}-{replicate}": getattr(one, part)
        for output, by_replicate in predictions.items()
        for replicate, one in by_replicate.items()
        for part in PARTS
        if getattr(one, part) is not None
    }
    np.savez_compressed(file, **arrays)


def read_predictions(file: Path) -> dict[str, dict[int, Predictions]]:
    """The predictions in a file by output and replicate, in the order in which they were written.

    Raises:
        UserError: the file is missing or damaged.
    """
    arrays = read_arrays(file)
    read: dict[str, dict[int, Predictions]] = {}
    try:
        for output, _, replicate in [name.split("-") for name in arrays if "-truth-" in name]:
            parts: dict[str, Any] = {part: arrays.get(f"{output}-{part}-{replicate}") for part in PARTS}
            predictions = Predictions(**parts | {"trained_on": int(parts["trained_on"])})
            read.setdefault(output, {})[int(replicate)] = predictions
    except (ValueError, TypeError):
        raise damaged(file) from None
    if not read:
        raise damaged(file)
    return read
