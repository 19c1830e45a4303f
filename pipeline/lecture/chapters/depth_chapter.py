"""Depth: deeper units see more of the image, and respond to larger patterns."""

import json
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from pipeline.arithmetic.table import LayerRow, layer_table
from pipeline.arithmetic.windows import Window
from pipeline.lecture.material import TRAIN, Chapter, Material, tiles
from pipeline.lecture.moving_svg import Moving, line, squares, text
from pipeline.lecture.study_answers import study_answer

UNITS, PATCHES = 8, 6
DEEP = "vgg_bn_mnist"
"""A deeper network of the comparison."""
PIXELS, CELL, ROW, LEFT = 16, 30, 62, 76
LEVELS = (("conv1", 3, 1, 1), ("pool1", 2, 2, 0), ("conv2", 3, 1, 1), ("pool2", 2, 2, 0))
"""Layer, kernel, stride and padding in one dimension."""


def _values(material: Material) -> Mapping[str, Any]:
    rows = layer_table(json.loads(material.trained.network.to_json()))
    fields = {row.name: row for row in rows}
    return {
        "train": TRAIN,
        "moving": _cone(),
        "rows": [
            (row.name, row.kind, row.output_shape, row.receptive_field, row.stride, row.sees)
            for row in rows
            if row.kind not in ("InputLayer", "Flatten")
        ],
        "edges": _patches(material, "conv1", fields["conv1"], 16),
        "junctions": _patches(material, "conv2", fields["conv2"], 6),
        "shapes": _patches(material, "hidden", fields["hidden"], 2),
        "sides": {name: fields[name].receptive_field[0] for name in ("conv1", "conv2")},  # type: ignore[index]
        "deep": DEEP,
        "report": material.learned(DEEP, "units", f"For each layer of {DEEP}, what some of its units respond to."),
        "units": UNITS,
        "patches": PATCHES,
        "images": len(material.trained.labels),
        "studies": [study_answer(material, name) for name in ("depth", "nonlinearity")],
    }


def _patches(material: Material, layer: str, row: LayerRow, factor: int) -> Any:
    """For each of the first units that respond, a row with the patches of different test images that excite it most."""
    trained = material.trained
    between = keras.Model(trained.network.input, trained.network.get_layer(layer).output)
    responses = np.asarray(between.predict_on_batch(trained.standardise(trained.pixels)))
    images = len(responses)
    responses = responses.reshape(images, -1, responses.shape[-1])
    side = trained.pixels.shape[1]
    columns = round(responses.shape[1] ** 0.5)
    whole = row.padding is None or row.stride is None or row.receptive_field is None
    field = side if whole else row.receptive_field[0]  # type: ignore[index]
    shown: list[NDArray[np.uint8]] = []
    varied = np.argsort(-responses.max(axis=1).std(axis=0), kind="stable")
    for unit in sorted(varied[:UNITS].tolist()):
        strongest = responses[..., unit].max(axis=1)
        places = responses[..., unit].argmax(axis=1)
        for image in np.argsort(-strongest, kind="stable")[:PATCHES]:
            pixels = trained.pixels[image, ..., 0]
            if whole:
                shown.append(pixels)
                continue
            y, x = divmod(int(places[image]), columns)
            start, step = -row.padding[0], row.stride[0]  # type: ignore[index]
            padded = np.pad(pixels, field)
            top, left = field + start + y * step, field + start + x * step
            shown.append(padded[top : top + field, left : left + field])
    alternative = f"For {UNITS} units of layer {layer}, one per row, the {PATCHES} parts of images that excite it most."
    return material.picture(f"excites-{layer}", tiles(shown, PATCHES, factor=factor, gap=6, between=128), alternative)


def _cone() -> Moving:
    """The receptive field of one unit of each layer in turn, in one dimension, down to the pixels."""
    names = ["pixels", *(name for name, *_ in LEVELS)]
    windows, counts = [Window()], [PIXELS]
    for _, kernel, stride, padding in LEVELS:
        windows.append(windows[-1].through(kernel, stride=stride, padding=padding))
        counts.append(counts[-1] // stride)
    height = ROW * len(names)

    def cell(level: int, unit: int) -> tuple[float, float]:
        """The top left corner of a unit, above the middle of its receptive field."""
        window = windows[level]
        middle = window.start + unit * window.stride + window.side / 2
        return LEFT + middle * CELL - CELL / 2, height - ROW * (level + 1) + 20

    def row(level: int, units: list[int], kind: str) -> str:
        corners = [cell(level, unit) for unit in units]
        return "".join(squares([(0, 0)], corner, CELL, kind) for corner in corners)

    still = "".join(
        text(0, cell(level, 0)[1] + 20, name, "left large") + row(level, list(range(counts[level])), "unit")
        for level, name in enumerate(names)
    )
    frames = []
    for top in range(1, len(names)):
        units, parts = {counts[top] // 2}, []
        for level in range(top, 0, -1):
            _, kernel, stride, padding = LEVELS[level - 1]
            below = set()
            for unit in units:
                for tap in range(kernel):
                    source = unit * stride - padding + tap
                    if 0 <= source < counts[level - 1]:
                        below.add(source)
                        (x, y), (u, v) = cell(level, unit), cell(level - 1, source)
                        parts.append(line((x + CELL / 2, y + CELL), (u + CELL / 2, v), "link"))
            parts.append(row(level, sorted(units), "now"))
            units = below
        parts.append(row(0, sorted(units), "under"))
        parts.append(text(LEFT + PIXELS * CELL + 12, cell(top, 0)[1] + 20, f"{windows[top].side} pixels", "left large"))
        frames.append("".join(parts))
    label = "Receptive fields in one dimension: " + ", ".join(
        f"{name} {window.side}" for name, window in zip(names, windows, strict=True)
    )
    return Moving("cone", label, (LEFT + PIXELS * CELL + 110, height), still, frames, seconds=2)


CHAPTER = Chapter(
    "depth",
    "Depth: from edges to shapes",
    "Every layer sees a larger part of the image than the layer before it, and combines its patterns.",
    _values,
)
