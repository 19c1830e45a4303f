"""The example network, as a Sequential model and in functional form."""

import json
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from pipeline.architectures import lecture_cnn, lecture_sequential
from pipeline.arithmetic.table import layer_table
from pipeline.lecture.material import Chapter, Material, source_of
from pipeline.lecture.shown.functional_form import functional
from pipeline.reporting.tables.layers import layer_lines, total_lines

SHAPE, CLASSES = (28, 28, 1), 10


def _values(material: Material) -> Mapping[str, Any]:
    images = material.trained.standardise(material.trained.pixels[:100])
    networks = []
    for build in (lecture_sequential.build, functional, lecture_cnn.build):
        keras.utils.set_random_seed(0)
        networks.append(build(SHAPE, CLASSES))
    weights = [network.get_weights() for network in networks]
    outputs = [network.predict_on_batch(images) for network in networks]
    for other_weights, other_output in zip(weights[1:], outputs[1:], strict=True):
        same = all(np.array_equal(one, two) for one, two in zip(weights[0], other_weights, strict=True))
        if not (same and np.array_equal(outputs[0], other_output)):
            raise ValueError("The forms of the lecture's network must have the same weights and predictions.")
    rows = layer_table(_json(networks[2]))
    return {
        "sequential": source_of(lecture_sequential.build),
        "functional": source_of(functional),
        "weights": sum(one.size for one in weights[0]),
        "images": len(images),
        "table": "\n".join(line.rstrip() for line in (*layer_lines(rows), "", *total_lines(rows))),
    }


def _json(network: keras.Model) -> Mapping[str, Any]:
    architecture: Mapping[str, Any] = json.loads(network.to_json())
    return architecture


CHAPTER = Chapter(
    "example-network",
    "The example network, twice",
    "The Sequential and the functional form are the same network.",
    _values,
)
