"""Layers in which several paths meet."""

from collections.abc import Sequence

from pipeline.arithmetic.network import Node
from pipeline.arithmetic.rules.signals import Effect, Shape, Signal, called, listed, place
from pipeline.arithmetic.windows import View, joined


def elementwise(node: Node, inputs: Sequence[Signal]) -> Effect:
    """Add, Multiply and their kin: number by number; missing axes and sides of 1 are repeated to match."""
    rank = max(len(signal.shape) for signal in inputs)
    shapes = [(1,) * (rank - len(signal.shape)) + signal.shape for signal in inputs]
    shape = tuple(max(sides) for sides in zip(*shapes, strict=True))
    if any(side not in (1, whole) for one in shapes for side, whole in zip(one, shape, strict=True)):
        raise ValueError(f"{called(node)} must have inputs of one shape. Received: {listed(inputs)}.")
    return Effect(Signal(shape, joined([_repeated(signal, shape) for signal in inputs])))


def concatenate(node: Node, inputs: Sequence[Signal]) -> Effect:
    """Concatenate: side by side along one axis, as a rule that of the channels."""
    shapes = [list(signal.shape) for signal in inputs]
    axis = place(int(node.config["axis"]), len(shapes[0]))
    along = sum(shape.pop(axis) for shape in shapes)
    if any(shape != shapes[0] for shape in shapes):
        raise ValueError(
            f"{called(node)} must have inputs that differ in axis {axis + 1} alone. Received: {listed(inputs)}."
        )
    rest = shapes[0]
    view = joined([signal.view for signal in inputs])
    last = axis == len(rest)
    return Effect(Signal((*rest[:axis], along, *rest[axis:]), view if last else view.undefined()))


def _repeated(signal: Signal, shape: Shape) -> View:
    """What the units of a signal see once sides of 1 are repeated: the same window again and again, which is none."""
    return signal.view if signal.sides == shape[:-1] else signal.view.undefined()
