"""Several inputs, and several outputs."""

import json
from collections.abc import Mapping
from typing import Any

import keras

from pipeline.architectures import two_inputs, two_outputs
from pipeline.arithmetic.table import layer_table
from pipeline.lecture.material import Chapter, Material, source_of
from pipeline.reporting.blocks import Picture
from pipeline.reporting.figures.layer_diagram import layer_diagram, layer_diagram_figure
from pipeline.reporting.page import inline

SHAPE, CLASSES, SUBGROUPS = (64, 64, 1), 2, 2


def diagram(network: keras.Model, alternative: str) -> Any:
    """The layer diagram of a network as an SVG element."""
    rows = layer_table(json.loads(network.to_json()))
    return inline(Picture(network.name, alternative, layer_diagram_figure(layer_diagram(rows))))


def _values(material: Material) -> Mapping[str, Any]:
    inputs = two_inputs.build(SHAPE, CLASSES, subgroups=SUBGROUPS)
    outputs = two_outputs.build(SHAPE, CLASSES, subgroups=SUBGROUPS)
    return {
        "inputs": source_of(two_inputs.build),
        "outputs": source_of(two_outputs.build),
        "inputs_diagram": diagram(inputs, "Two inputs, image and subgroup, meet before the hidden layer."),
        "outputs_diagram": diagram(outputs, "One image leads to two outputs, class and subgroup."),
        "flattened": inputs.get_layer("flatten").output.shape[1],
        "joined": inputs.get_layer("image_and_subgroup").output.shape[1],
        "parameters": [inputs.count_params(), outputs.count_params()],
    }


CHAPTER = Chapter(
    "inputs-and-outputs",
    "Several inputs and outputs",
    "A network can have more inputs than an image, and more outputs than a class.",
    _values,
)
