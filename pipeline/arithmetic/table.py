"""The layers of a network in numbers, by arithmetic alone: shapes, parameters, cost and receptive field of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from pipeline.arithmetic.network import network_nodes
from pipeline.arithmetic.rules.catalogue import rule_of
from pipeline.arithmetic.rules.signals import Signal, called
from pipeline.arithmetic.windows import Sight

BYTES = 4
"""Of one number in float32."""


@dataclass(frozen=True)
class LayerRow:
    """One use of a layer in numbers."""

    name: str
    """Path of the layer, as in `tower/conv1`; if it is applied again, with the use, as in `tower/conv1 (use 2)`."""
    kind: str
    """Class of the Keras layer."""
    inputs: tuple[str, ...]
    """Names of the rows whose outputs it takes."""
    output_shape: tuple[int, ...]
    """(rows, columns, channels) or (units,), without the batch axis; signals have one spatial axis, volumes three."""
    parameters: int
    """All numbers stored, moving statistics included, as `model.count_params()` counts them; 0 from the second use."""
    connections: int
    """Links between its units and what they are computed from, one for each bias; see `rules.signals`."""
    multiply_accumulates: int
    """Products with weights for one image, each with its addition counted once; see `rules.signals`."""
    activations: int
    """Numbers put out for one image."""
    sees: Sight
    """What a unit sees: a window that slides over the image, all of the image, an undefined part of it, or nothing."""
    receptive_field: tuple[int, ...] | None
    """Pixels of the input that one unit sees along each axis, padding included, so it may exceed the image.

    Where several paths lead to a layer, along the widest. All of the image after flattening, dense layers and global
    pooling. None where it is undefined, because units see windows of different sizes, and where no image is seen.
    """
    stride: tuple[int, ...] | None
    """Pixels of the input between the fields of neighbouring units; None where no window slides."""
    padding: tuple[int, ...] | None
    """Pixels before the image at which the field of the first unit begins; None where no window slides."""
    use: int = 1
    """How often the layer has been applied, this time included."""


@dataclass(frozen=True)
class Totals:
    """A network in numbers, for one image; see `LayerRow`."""

    parameters: int
    connections: int
    multiply_accumulates: int
    activations: int
    """Numbers put out by all layers, the images included."""
    largest_activations: int
    """Most numbers that must be held at once to run the layers one after the other in the order of the rows.

    That is what a layer takes in and puts out, and what later layers still need. In a chain it is the largest pair of
    neighbours. Every layer counts as writing its output to a place of its own.
    """

    @property
    def parameter_bytes(self) -> int:
        """What the parameters take up in float32."""
        return BYTES * self.parameters

    @property
    def activation_bytes(self) -> int:
        """What all activations take up in float32, as training keeps them, for one image."""
        return BYTES * self.activations

    @property
    def largest_activation_bytes(self) -> int:
        """What must be held at once beside the parameters to run the network in float32, for one image."""
        return BYTES * self.largest_activations


def layer_table(architecture: Mapping[str, Any]) -> tuple[LayerRow, ...]:
    """The rows of a network given as the dict of its `model.to_json()`, in an order that the data may flow in.

    Several images count as lying on each other. Raises Misfit, a ValueError, for a layer that does not fit its input,
    and ValueError for a class of layer without a rule and channels that come first; the message names the layer.
    """
    signals: dict[str, Signal] = {}
    rows = []
    for node in network_nodes(architecture):
        rule = rule_of(node)
        if node.config.get("data_format") == "channels_first":
            raise ValueError(f"{called(node)} must have its channels last.")
        effect = rule(node, [signals[name] for name in node.inputs])
        signals[node.name] = effect.output
        view = effect.output.view
        slides = view.sight == "window"
        rows.append(
            LayerRow(
                name=node.name,
                kind=node.class_name,
                inputs=node.inputs,
                output_shape=effect.output.shape,
                parameters=effect.parameters if node.use == 1 else 0,
                connections=effect.connections,
                multiply_accumulates=effect.multiply_accumulates,
                activations=prod(effect.output.shape),
                sees=view.sight,
                receptive_field=_receptive_field(effect.output),
                stride=tuple(window.stride for window in view.windows) if slides else None,
                padding=tuple(window.padding for window in view.windows) if slides else None,
                use=node.use,
            )
        )
    return tuple(rows)


def totals(rows: Sequence[LayerRow]) -> Totals:
    """The sums over the rows of a network, or of a part of one."""
    return Totals(
        parameters=sum(row.parameters for row in rows),
        connections=sum(row.connections for row in rows),
        multiply_accumulates=sum(row.multiply_accumulates for row in rows),
        activations=sum(row.activations for row in rows),
        largest_activations=_largest_held(rows),
    )


def _receptive_field(signal: Signal) -> tuple[int, ...] | None:
    if signal.view.sight == "image":
        return signal.view.image
    return tuple(window.side for window in signal.view.windows) or None


def _largest_held(rows: Sequence[LayerRow]) -> int:
    """Most activations alive at once: from the layer that puts them out to the last that takes them in, or the end."""
    last = {source: place for place, row in enumerate(rows) for source in row.inputs}
    size = {row.name: row.activations for row in rows}
    held = largest = 0
    for place, row in enumerate(rows):
        held += row.activations
        largest = max(largest, held)
        held -= sum(size[source] for source in set(row.inputs) if source in size and last[source] == place)
    return largest
