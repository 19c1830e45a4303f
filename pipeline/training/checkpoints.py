"""Where a training stands: every variable of model and optimizer, and what happened so far.

Neither `.keras` nor `.weights.h5` keeps the state of Keras' seed generators; a training with dropout that went on from
such a file would end elsewhere. `model.variables` holds them, so all variables are saved, in their order.
"""

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np

from pipeline.runs import replacing

Epoch = dict[str, float]


def save_state(file: Path, model: keras.Model, history: list[Epoch]) -> None:
    """Write the state after the last epoch of `history`, whole or not at all."""
    arrays = {f"variable-{number}": variable.numpy() for number, variable in enumerate(_variables(model))}
    with replacing(file) as unfinished, unfinished.open("wb") as stream:
        np.savez(stream, history=np.array(json.dumps(history)), **arrays)


def restore_state(file: Path, model: keras.Model) -> list[Epoch]:
    """Put a compiled model back where `save_state` left it and return the history up to there.

    Raises:
        ValueError: the file is damaged or belongs to another network.
    """
    with np.load(file) as saved:
        history: list[Epoch] = json.loads(str(saved["history"]))
        arrays = [saved[f"variable-{number}"] for number in range(len(saved.files) - 1)]
    variables = _variables(model)
    if [array.shape for array in arrays] != [tuple(variable.shape) for variable in variables]:
        raise ValueError(f"{file} holds the state of another network.")
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)
    return history


def _variables(model: keras.Model) -> list[Any]:
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    return [*model.variables, *model.optimizer.variables]
