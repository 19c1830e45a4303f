"""Pooling: what it computes, and what it saves."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from pipeline.architectures.lecture_cnn import build
from pipeline.arithmetic.table import layer_table, totals
from pipeline.lecture.material import Chapter, Material
from pipeline.lecture.sliding_figure import pooling_figure
from pipeline.lecture.study_answers import study_answer

MAP = np.array([[3, 1, 0, 2], [4, 1, 1, 0], [0, 2, 5, 1], [1, 0, 2, 2]])
SHAPE, CLASSES = (64, 64, 1), 2
KINDS = {"max": "max", "stride": "stride 2 in the convolution instead", "none": "none"}


def _values(material: Material) -> Mapping[str, Any]:
    blocks = MAP.reshape(2, 2, 2, 2).swapaxes(1, 2).reshape(2, 2, 4)
    costs = []
    for pooling, shown in KINDS.items():
        network = build(SHAPE, CLASSES, pooling=pooling)  # type: ignore[arg-type]
        total = totals(layer_table(json.loads(network.to_json())))
        command = f"convtrack describe model=lecture_cnn model.options.pooling={pooling} --input 64x64x1 --classes 2"
        costs.append((shown, total.parameters, total.multiply_accumulates, command))
    return {
        "moving": pooling_figure("pooling", "Max pooling over 2 × 2 values with stride 2.", MAP, 2),
        "maximum": blocks.max(axis=2).tolist(),
        "average": blocks.mean(axis=2).tolist(),
        "kept": f"{1 / 4:.0%}",
        "costs": costs,
        "studies": [study_answer(material, "pooling")],
    }


CHAPTER = Chapter(
    "pooling",
    "Pooling",
    "Pooling keeps which patterns were found, and drops their exact positions.",
    _values,
)
