"""What flows from layer to layer, what a rule says of a layer, and how rules read a layer's configuration.

A rule is a function of a layer and the signals that it takes in; it returns what comes out and what the layer costs.
It counts, for one image:

**Parameters**: all numbers the layer stores, moving statistics included, as `model.count_params()` counts them.

**Connections** (LeCun et al. 1998): the links between a unit and the numbers it is computed from, each of which would
need a weight of its own if none were shared. The bias is one more link of every unit, links to zeros of the padding
count, and a pooling unit is linked to every number of its window. Layers that act on each number alone (activations,
normalisation, scaling), that join paths or move numbers about have none.

**Multiply–accumulates**: one product with a weight and its addition count as one. Products with zeros of the padding
count, and so do those of a transposed convolution that fall outside its result; biases, activations, pooling, and
normalisation and scaling (which fold into the layer before) do not.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from pipeline.arithmetic.network import Node
from pipeline.arithmetic.windows import View

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Signal:
    """What flows from one layer to the next: its shape without the batch axis, and what its units see of the image."""

    shape: Shape
    view: View

    @property
    def sides(self) -> Shape:
        """The axes along which a kernel slides: all but the last, which holds the channels."""
        return self.shape[:-1]

    @property
    def channels(self) -> int:
        """Numbers at each position."""
        return self.shape[-1]


@dataclass(frozen=True)
class Effect:
    """What a layer puts out, and what it costs; see the head of this module for how each is counted."""

    output: Signal
    parameters: int = 0
    connections: int = 0
    multiply_accumulates: int = 0


class Misfit(ValueError):
    """A layer asks for more of its input than there is."""


Rule = Callable[[Node, Sequence[Signal]], Effect]


def only(node: Node, inputs: Sequence[Signal]) -> Signal:
    """The signal of a layer that takes one; ValueError if there are several."""
    if len(inputs) != 1:
        raise ValueError(f"{called(node)} must have one input. Received: {len(inputs)}.")
    return inputs[0]


def maps(node: Node, inputs: Sequence[Signal], axes: int | None = None) -> Signal:
    """The one signal of a layer that works on feature maps of as many spatial axes; ValueError if it is none.

    Without `axes`, the layer's class name ends in their number, as `Conv2D` does.
    """
    signal, wanted = only(node, inputs), spatial_axes(node) if axes is None else axes
    if len(signal.sides) != wanted:
        raise ValueError(
            f"{called(node)} must have feature maps of {wanted} spatial axes as input. Received shape: {signal.shape}."
        )
    return signal


def spatial_axes(node: Node) -> int:
    """The number of axes along which the layer's kernel slides, which ends the name of its class."""
    found = re.search(r"([123])D(Transpose)?$", node.class_name)
    if found is None:
        raise ValueError(f"{called(node)} must end its class name in 1D, 2D or 3D to work on feature maps.")
    return int(found[1])


def per_axis(value: int | Sequence[int], axes: int) -> tuple[int, ...]:
    """A setting along each spatial axis, where one integer stands for all.

    >>> per_axis(3, 2), per_axis([3, 5], 2)
    ((3, 3), (3, 5))
    """
    return (value,) * axes if isinstance(value, int) else tuple(value)


def biases(node: Node, count: int) -> int:
    """`count` if the layer has biases, else 0."""
    return count if node.config["use_bias"] else 0


def unchanged(node: Node, inputs: Sequence[Signal]) -> Effect:
    """Layers that act on each number alone and store nothing: activations, dropout, rescaling."""
    return Effect(only(node, inputs))


def place(axis: int, rank: int) -> int:
    """Index into a shape without batch axis of an axis that Keras counts with it.

    >>> place(-1, 3), place(1, 3)
    (2, 0)
    """
    return axis + rank if axis < 0 else axis - 1


def length(signal: Signal, axes: int | Sequence[int] | None) -> int:
    """How many numbers lie along one or several axes, counted as Keras does, with the batch axis."""
    listed = [axes] if isinstance(axes, int) else list(axes or ())
    return prod(signal.shape[place(axis, len(signal.shape))] for axis in listed)


def called(node: Node) -> str:
    """The layer as a message names it.

    >>> called(Node("conv1", "Conv2D", {}, ()))
    "Layer 'conv1' (Conv2D)"
    """
    return f"Layer '{node.name}' ({node.class_name})"


def times(sides: Sequence[Any]) -> str:
    """Sides as a message gives them.

    >>> times((28, 28))
    '28×28'
    """
    return "×".join(map(str, sides))


def listed(inputs: Sequence[Signal]) -> str:
    """The shapes of signals as a message gives them."""
    return ", ".join(times(signal.shape) for signal in inputs)
