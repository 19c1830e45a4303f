"""The file with the outputs of a trained network for the images that it was not trained on.

Reading it needs neither the network nor TensorFlow.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from pipeline.data.splits import TEST, VALIDATION
from pipeline.storage.files import damaged, existing, replacing

Outputs = list[npt.NDArray[np.float32]]
"""One array (images, units) for each output of the network, in its order."""

PARTS = {"test": TEST, "validation": VALIDATION}


def write_outputs(file: Path, outputs: Mapping[int, Outputs]) -> None:
    """Write the outputs for the images of `TEST` and `VALIDATION`, atomically."""
    arrays: dict[str, Any] = {
        f"{name}-{number}": one for name, part in PARTS.items() for number, one in enumerate(outputs[part])
    }
    with replacing(file) as unfinished, unfinished.open("wb") as stream:
        np.savez(stream, **arrays)


def read_outputs(file: Path) -> dict[int, Outputs]:
    """The outputs for the images of `TEST` and `VALIDATION`.

    Raises:
        UserError: the file is missing or damaged.
    """
    try:
        with existing(file).open("rb") as stream, np.load(stream) as arrays:
            count = len(arrays.files) // len(PARTS)
            return {part: [arrays[f"{name}-{number}"] for number in range(count)] for name, part in PARTS.items()}
    except (OSError, EOFError, ValueError, KeyError, BadZipFile):
        raise damaged(file) from None
