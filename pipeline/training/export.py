"""Export a trained network with its standardisation, as a Keras file that takes grey levels."""

import keras

from pipeline.data.prepared import read_prepared
from pipeline.storage.files import replacing
from pipeline.training.examples import Columns, Standardisation, standardisation, standardised_numbers
from pipeline.training.predict import trained_network
from pipeline.training.task import Task


def export_network(task: Task) -> None:
    """Write the network of a finished training to `ResultFolder.network`, atomically."""
    network = trained_network(task.architecture, task.result)
    prepared = read_prepared(task.prepared)
    scaling = standardisation(prepared, task.replicate)
    has_numbers = "numbers" in Columns.of(task.architecture).inputs
    numbers = standardised_numbers(prepared, task.replicate) if has_numbers else None
    with replacing(task.result.network) as unfinished:
        served(network, scaling, numbers).save(unfinished)


def served(network: keras.Model, scaling: Standardisation, numbers: Standardisation | None = None) -> keras.Model:
    """The network with its standardisation in front: from grey levels 0 to 255 to probabilities.

    `numbers` standardises the numbers of an image, if they are an input; the network then takes them as they are.
    Several inputs or outputs are dictionaries whose keys are the network's names.
    """
    standardise = _rescaling(scaling, "standardise")
    inputs = {tensor.name: keras.Input(tensor.shape[1:], name=tensor.name) for tensor in network.inputs}
    scaled = [standardise(tensor) if len(tensor.shape) == 4 else tensor for tensor in inputs.values()]
    if numbers is not None:
        place = list(inputs).index("numbers")
        scaled[place] = _rescaling(numbers, "standardise_numbers")(scaled[place])
    if len(scaled) == 1:
        inputs, scaled = inputs.popitem()[1], scaled[0]
    outputs = network(scaled)
    if len(network.outputs) > 1:
        outputs = dict(zip(network.output_names, outputs, strict=True))
    return keras.Model(inputs, outputs, name="served")


def _rescaling(scaling: Standardisation, name: str) -> keras.layers.Layer:
    scale = 1 / scaling.deviation
    return keras.layers.Rescaling(scale.tolist(), (-scaling.mean * scale).tolist(), name=name)
