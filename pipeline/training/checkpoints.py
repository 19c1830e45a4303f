"""Checkpoints of a training: every variable of model and optimizer, and the history.

Neither `.keras` nor `.weights.h5` stores the state of Keras' seed generators: a training with dropout that resumed from
such a file would end with other weights. `model.variables` contains them, so all variables are saved, in their order.
"""

import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np

from pipeline.errors import UserError
from pipeline.storage.files import replacing

Epoch = dict[str, float]


def save_state(file: Path, model: keras.Model, history: list[Epoch]) -> None:
    """Write the state after the last epoch of `history`, atomically."""
    arrays = {f"variable-{number}": variable.numpy() for number, variable in enumerate(_variables(model))}
    with replacing(file) as unfinished, unfinished.open("wb") as stream:
        np.savez(stream, history=np.array(json.dumps(history)), **arrays)


def restore_state(file: Path, model: keras.Model) -> list[Epoch]:
    """Restore the state of a compiled model that `save_state` wrote, and return its history.

    Raises:
        UserError: the file is damaged or belongs to another network.
    """
    variables = _variables(model)
    with _reading(file) as saved:
        history: list[Epoch] = json.loads(str(saved["history"]))
        arrays = [saved[f"variable-{number}"] for number in range(len(saved.files) - 1)]
        if [array.shape for array in arrays] != [tuple(variable.shape) for variable in variables]:
            raise ValueError("it belongs to another network")
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)
    return history


def save_weights(file: Path, model: keras.Model) -> None:
    """Write the weights atomically; Keras' own file of a compiled model would include the optimizer's variables."""
    with replacing(file) as unfinished, unfinished.open("wb") as stream:
        np.savez(stream, *model.get_weights())


def restore_weights(file: Path, model: keras.Model) -> None:
    """Load the weights that `save_weights` wrote into a model of the same network.

    Raises:
        UserError: the file is missing, damaged or belongs to another network.
    """
    with _reading(file) as saved:
        model.set_weights([saved[f"arr_{number}"] for number in range(len(saved.files))])


@contextmanager
def _reading(file: Path) -> Iterator[Any]:
    try:
        with file.open("rb") as stream, np.load(stream) as saved:
            yield saved
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as problem:
        raise UserError(
            f"The checkpoint {file} is unreadable ({problem}). To train from the beginning, delete {file.parent}."
        ) from None


def _variables(model: keras.Model) -> list[Any]:
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    return [*model.variables, *model.optimizer.variables]
