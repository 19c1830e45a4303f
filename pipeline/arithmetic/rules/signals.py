"""Signals between layers, the effect of a layer on them, and functions that read a layer's configuration for rules.

A rule is a function of a layer and its input signals. It returns the output signal and the cost of the layer for one
image:

**Parameters**: all numbers that the layer stores, moving statistics included, as `model.count_params()` counts them.

**Connections** (LeCun et al. 1998): the links between a unit and the numbers it is computed from, that is, the number
of weights without weight sharing. Every bias is a link of its unit, links to padding zeros count, and a pooling unit is
linked to every number of its window. Layers that act on each number alone (activations, normalisation, scaling), join
paths or rearrange numbers have no connections.

**Multiply–accumulates**: a multiplication by a weight and the addition of the product count as one. Products with
padding zeros count, as do those of a transposed convolution that lie outside its output. Biases, activations, pooling,
normalisation and scaling (which can be folded into the preceding layer) do not count.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

from pipeline.arithmetic.nodes import Node
from pipeline.arithmetic.sizes import shape_text
from pipeline.arithmetic.windows import View

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Signal:
    """A tensor between two layers: its shape without the batch axis, and the view of its units (`View`)."""

    shape: Shape
    view: View

    @property
    def sides(self) -> Shape:
        """Lengths of the spatial axes: all axes but the last."""
        return self.shape[:-1]

    @property
    def channels(self) -> int:
        """Number of channels, the length of the last axis."""
        return self.shape[-1]


@dataclass(frozen=True)
class Effect:
    """The output and the cost of a layer; the docstring of this module defines the counts. None: unknown."""

    output: Signal
    parameters: int = 0
    connections: int | None = 0
    multiply_accumulates: int | None = 0


class Misfit(ValueError):
    """Error for a layer that needs a larger input than it receives."""


Rule = Callable[[Node, Sequence[Signal]], Effect]


def only(node: Node, inputs: Sequence[Signal]) -> Signal:
    """The input of a layer with one input. Raises ValueError for any other number of inputs."""
    if len(inputs) != 1:
        raise ValueError(f"{called(node)} must have one input. Received: {len(inputs)}.")
    return inputs[0]


def maps(node: Node, inputs: Sequence[Signal], axes: int | None = None) -> Signal:
    """The input of a layer with one input, which must be feature maps with `axes` spatial axes.

    `axes` defaults to the number in the class name, such as 2 in `Conv2D`. Raises ValueError for any other input.
    """
    signal, wanted = only(node, inputs), spatial_axes(node) if axes is None else axes
    if len(signal.sides) != wanted:
        raise ValueError(
            f"The input of {called(node)} must have {wanted} spatial axes. Received shape: {signal.shape}."
        )
    return signal


def spatial_axes(node: Node) -> int:
    """The number of spatial axes, from the end of the class name."""
    found = re.search(r"([123])D(Transpose)?$", node.class_name)
    if found is None:
        raise ValueError(f"The class name of {called(node)} must end in 1D, 2D or 3D.")
    return int(found[1])


def per_axis(value: int | Sequence[int], axes: int) -> tuple[int, ...]:
    """A setting per spatial axis; a single integer applies to all axes.

    >>> per_axis(3, 2), per_axis([3, 5], 2)
    ((3, 3), (3, 5))
    """
    return (value,) * axes if isinstance(value, int) else tuple(value)


def biases(node: Node, count: int) -> int:
    """`count` if the layer has biases, else 0."""
    return count if node.config["use_bias"] else 0


def unchanged(node: Node, inputs: Sequence[Signal]) -> Effect:
    """Layers without parameters that act on each number alone: activations, dropout, rescaling."""
    return Effect(only(node, inputs))


def place(axis: int, rank: int) -> int:
    """Index of an axis in a shape without batch axis; `axis` counts the batch axis, as in Keras.

    >>> place(-1, 3), place(1, 3)
    (2, 0)
    """
    return axis + rank if axis < 0 else axis - 1


def length(signal: Signal, axes: int | Sequence[int] | None) -> int:
    """The number of values along one or several axes; `axes` count the batch axis, as in Keras."""
    listed = [axes] if isinstance(axes, int) else list(axes or ())
    return prod(signal.shape[place(axis, len(signal.shape))] for axis in listed)


def called(node: Node) -> str:
    """The name and class of a layer, for messages.

    >>> called(Node("conv1", "Conv2D", {}, ()))
    "Layer 'conv1' (Conv2D)"
    """
    return f"Layer '{node.name}' ({node.class_name})"


def listed(inputs: Sequence[Signal]) -> str:
    """The shapes of signals, for messages."""
    return ", ".join(shape_text(signal.shape) for signal in inputs)
