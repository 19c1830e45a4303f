"""Export a trained network with its standardisation, as a Keras file that takes grey levels."""

import keras

from pipeline.data.prepared import read_prepared
from pipeline.storage.files import replacing
from pipeline.training.examples import Standardisation, standardisation
from pipeline.training.predict import trained_network
from pipeline.training.task import Task


def export_network(task: Task) -> None:
    """Write the network of a finished training to `ResultFolder.network`, atomically."""
    network = trained_network(task.architecture, task.result)
    scaling = standardisation(read_prepared(task.prepared), task.replicate)
    with replacing(task.result.network) as unfinished:
        served(network, scaling).save(unfinished)


def served(network: keras.Model, scaling: Standardisation) -> keras.Model:
    """The network with its standardisation in front: from grey levels 0 to 255 to probabilities.

    Several inputs or outputs are dictionaries whose keys are the network's names.
    """
    scale = 1 / scaling.deviation
    standardise = keras.layers.Rescaling(scale.tolist(), (-scaling.mean * scale).tolist(), name="standardise")
    inputs = {tensor.name: keras.Input(tensor.shape[1:], name=tensor.name) for tensor in network.inputs}
    scaled = [standardise(tensor) if len(tensor.shape) == 4 else tensor for tensor in inputs.values()]
    if len(scaled) == 1:
        inputs, scaled = inputs.popitem()[1], scaled[0]
    outputs = network(scaled)
    if len(network.outputs) > 1:
        outputs = dict(zip(network.output_names, outputs, strict=True))
    return keras.Model(inputs, outputs, name="served")
