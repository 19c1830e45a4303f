"""The layers of a network in numbers, by arithmetic alone: shapes, parameters, cost and receptive field of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.arithmetic.network import network_nodes
from pipeline.arithmetic.rules import RULES, Signal


@dataclass(frozen=True)
class LayerRow:
    """One layer in numbers."""

    name: str
    kind: str
    """Class of the Keras layer."""
    inputs: tuple[str, ...]
    """Names of the layers whose outputs it takes."""
    output_shape: tuple[int, ...]
    """(rows, columns, channels) or (units,), without the batch axis."""
    parameters: int
    """All numbers stored, moving statistics included, as `model.count_params()` counts them."""
    multiply_accumulates: int
    """Products with weights for one image, each with its addition counted once; see `rules`."""
    receptive_field: tuple[int, int] | None
    """Rows and columns of the input that one unit sees, padding included, so it may exceed the image.

    Where several paths lead to a layer, along the widest. All of the image for layers in which no window slides any
    more: after flattening, global pooling and dense layers. None if the input is not an image.
    """
    stride: tuple[int, int] | None
    """Pixels of the input between the fields of neighbouring units; None where no window slides any more."""


def layer_table(architecture: Mapping[str, Any]) -> tuple[LayerRow, ...]:
    """The rows of a network given as the dict of its `model.to_json()`, in an order that the data may flow in.

    Raises Misfit, a ValueError, for a layer that does not fit its input, and ValueError for a class of layer without a
    rule, channels that come first and several inputs; the message names the layer.
    """
    nodes = network_nodes(architecture)
    images = [node.name for node in nodes if node.class_name == "InputLayer"]
    if len(images) != 1:
        raise ValueError(f"A network must have one InputLayer to be counted. Received: {len(images)}.")
    signals: dict[str, Signal] = {}
    rows = []
    for node in nodes:
        if node.class_name not in RULES:
            known = ", ".join(sorted(RULES))
            raise ValueError(f"Layer '{node.name}' is of class {node.class_name}, which has no rule. Known: {known}.")
        if node.config.get("data_format") == "channels_first":
            raise ValueError(f"Layer '{node.name}' ({node.class_name}) must have its channels last.")
        effect = RULES[node.class_name](node, [signals[name] for name in node.inputs])
        signals[node.name] = effect.output
        image = signals[images[0]].shape
        seen = effect.output.windows
        rows.append(
            LayerRow(
                name=node.name,
                kind=node.class_name,
                inputs=node.inputs,
                output_shape=effect.output.shape,
                parameters=effect.parameters,
                multiply_accumulates=effect.multiply_accumulates,
                receptive_field=(seen[0].side, seen[1].side)
                if seen
                else (image[0], image[1])
                if len(image) == 3
                else None,
                stride=(seen[0].stride, seen[1].stride) if seen else None,
            )
        )
    return tuple(rows)
