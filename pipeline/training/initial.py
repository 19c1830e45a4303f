"""Initial weights that an architecture has read from a file, in place of random ones.

The output layers are left out: each replicate draws their weights at random.
"""

import zipfile
from pathlib import Path

import keras
import numpy as np

from pipeline.errors import UserError
from pipeline.storage.files import replacing


def save_initial_weights(file: Path, model: keras.Model) -> None:
    """Write the weights of all layers except the output layers, by layer, atomically."""
    arrays = {
        f"{layer.name}/{number}": array for layer in _inner(model) for number, array in enumerate(layer.get_weights())
    }
    with replacing(file) as unfinished, unfinished.open("wb") as stream:
        np.savez(stream, **arrays)


def load_initial_weights(file: Path, model: keras.Model) -> None:
    """Load the weights that `save_initial_weights` wrote into a model of the same network.

    Raises:
        UserError: the file is damaged or belongs to another network.
    """
    try:
        with file.open("rb") as stream, np.load(stream) as saved:
            for layer in _inner(model):
                layer.set_weights([saved[f"{layer.name}/{number}"] for number in range(len(layer.weights))])
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as problem:
        raise UserError(
            f"{file} is unreadable ({problem}). Delete it and run `dvc repro` to create it again."
        ) from None


def _inner(model: keras.Model) -> list[keras.layers.Layer]:
    return [layer for layer in model.layers if all(layer.output is not output for output in model.outputs)]
