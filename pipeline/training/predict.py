"""Load trained networks and predict with them."""

import math
from typing import Any

import keras

from pipeline.data.prepared import read_prepared
from pipeline.storage.files import damaged, existing
from pipeline.storage.folders import ResultFolder
from pipeline.training.batches import dataset, evaluation_batches
from pipeline.training.examples import Columns, Portion, portion
from pipeline.training.outputs import PARTS, Outputs, write_outputs
from pipeline.training.start import load_network
from pipeline.training.task import Task


def trained_network(architecture: str, result: ResultFolder) -> keras.Model:
    """Load a network from its JSON text and the weights that its training kept.

    Raises:
        UserError: the file of the weights is missing, damaged or belongs to another network.
    """
    network = load_network(architecture, seed=0)
    load_trained_weights(network, result)
    return network


def load_trained_weights(network: keras.Model, result: ResultFolder) -> None:
    """Load the weights that a training kept into a network of the same architecture.

    Raises:
        UserError: the file of the weights is missing, damaged or belongs to another network.
    """
    try:
        network.load_weights(existing(result.weights))
    except (OSError, ValueError, KeyError):
        raise damaged(result.weights) from None


def predict(network: keras.Model, portion: Portion, *, batch_size: int) -> Outputs:
    """The network's outputs for the images of a portion, each of shape (images, units)."""
    outputs = network.predict(prediction_batches(portion, batch_size), verbose=0)
    return outputs if isinstance(outputs, list) else [outputs]


def predict_task(task: Task) -> None:
    """Write the outputs of a finished training for the test and the validation images of its replicate."""
    prepared, columns = read_prepared(task.prepared), Columns.of(task.architecture)
    network = trained_network(task.architecture, task.result)
    outputs = {
        part: predict(
            network,
            portion(prepared, task.replicate, part, columns),
            batch_size=task.training.evaluation_batch_size,
        )
        for part in PARTS.values()
    }
    write_outputs(task.result.outputs, outputs)


def prediction_batches(portion: Portion, batch_size: int) -> Any:
    """A `tf.data.Dataset` over the batches of a portion, in order."""
    return dataset(lambda: evaluation_batches(portion, batch_size=batch_size), math.ceil(len(portion) / batch_size))
