"""The part of an image that a unit depends on: its receptive field, cut out."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipeline.arithmetic.nodes import Node
from pipeline.arithmetic.table import LayerRow, Measured, layer_table
from pipeline.interpretation.labelled_sheet import EMPTY

if TYPE_CHECKING:
    import keras

Pixels = NDArray[np.uint8]


def layer_rows(architecture: str, network: "keras.Model") -> Mapping[str, LayerRow]:
    """The rows of the layer table by name; the receptive field after a layer without a rule is unknown."""

    def measured(node: Node, _: Any) -> Measured:
        output = next(operation for operation in network.operations if operation.name == node.name).output
        return Measured((tuple(output.shape[1:]),), 0)

    return {row.name: row for row in layer_table(json.loads(architecture), measured)}


def field_sides(row: LayerRow | None, image: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns of the receptive field of a unit, at most those of the image: unknown fields are the image."""
    if row is None or row.sees != "window" or row.receptive_field is None:
        return image
    height, width = row.receptive_field
    return min(height, image[0]), min(width, image[1])


def receptive_crop(pixels: Pixels, row: LayerRow | None, place: tuple[int, int]) -> Pixels:
    """Cut the receptive field of a unit out of an image (height, width, channels).

    Along an axis where the field is as large as the image, the whole image is kept. What lies outside the image is
    light grey, and the crop has three channels then.

    Args:
        pixels: the image.
        row: that of the unit's layer; None if its receptive field is unknown.
        place: row and column of the unit in its map.
    """
    image = (pixels.shape[0], pixels.shape[1])
    sides = field_sides(row, image)
    spans = [
        range(side)
        if row is None or row.padding is None or row.stride is None or size == side
        else range(start := at * row.stride[axis] - row.padding[axis], start + size)
        for axis, (side, size, at) in enumerate(zip(image, sides, place, strict=True))
    ]
    inside = [[0 <= number < side for number in span] for span, side in zip(spans, image, strict=True)]
    cut: Pixels = pixels[np.ix_(*(np.clip(span, 0, side - 1) for span, side in zip(spans, image, strict=True)))]
    covered = np.logical_and.outer(*inside)
    if covered.all():
        return cut
    coloured = cut if cut.shape[2] == 3 else np.repeat(cut[..., :1], 3, axis=2)
    shown: Pixels = np.where(covered[..., np.newaxis], coloured, np.array(EMPTY, np.uint8))
    return shown
