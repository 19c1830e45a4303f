"""Weights that a network starts from instead of random ones: those of a file that its architecture has read.

The layers that answer are left out: their weights are drawn for each replicate, as those of any other network.
"""

import zipfile
from pathlib import Path

import keras
import numpy as np

from pipeline.errors import UserError
from pipeline.storage.files import replacing


def save_initial_weights(file: Path, model: keras.Model) -> None:
    """Write the weights of all layers but those that answer, by layer, whole or not at all."""
    arrays = {
        f"{layer.name}/{number}": array for layer in _inner(model) for number, array in enumerate(layer.get_weights())
    }
    with replacing(file) as unfinished, unfinished.open("wb") as stream:
        np.savez(stream, **arrays)


def load_initial_weights(file: Path, model: keras.Model) -> None:
    """Give a model of the same network the weights that `save_initial_weights` wrote.

    Raises:
        UserError: the file is damaged or belongs to another network.
    """
    try:
        with file.open("rb") as stream, np.load(stream) as saved:
            for layer in _inner(model):
                layer.set_weights([saved[f"{layer.name}/{number}"] for number in range(len(layer.weights))])
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as problem:
        raise UserError(f"{file} cannot be read ({problem}): delete it and run `dvc repro`, which makes it.") from None


def _inner(model: keras.Model) -> list[keras.layers.Layer]:
    return [layer for layer in model.layers if all(layer.output is not answer for answer in model.outputs)]
