"""Rules of layers that join several paths."""

from collections.abc import Sequence

from pipeline.arithmetic.nodes import Node
from pipeline.arithmetic.rules.signals import Effect, Shape, Signal, called, listed, place
from pipeline.arithmetic.windows import View, joined


def elementwise(node: Node, inputs: Sequence[Signal]) -> Effect:
    """Add, Multiply and similar layers: element-wise with broadcasting."""
    rank = max(len(signal.shape) for signal in inputs)
    shapes = [(1,) * (rank - len(signal.shape)) + signal.shape for signal in inputs]
    shape = tuple(max(sides) for sides in zip(*shapes, strict=True))
    if any(side not in (1, whole) for one in shapes for side, whole in zip(one, shape, strict=True)):
        raise ValueError(f"{called(node)} must have inputs of the same shape. Received: {listed(inputs)}.")
    return Effect(Signal(shape, joined([_repeated(signal, shape) for signal in inputs])))


def concatenate(node: Node, inputs: Sequence[Signal]) -> Effect:
    """Concatenate: inputs joined along one axis, usually that of the channels."""
    shapes = [list(signal.shape) for signal in inputs]
    axis = place(int(node.config["axis"]), len(shapes[0]))
    along = sum(shape.pop(axis) for shape in shapes)
    if any(shape != shapes[0] for shape in shapes):
        raise ValueError(
            f"{called(node)} must have inputs that differ only along axis {axis + 1}. Received: {listed(inputs)}."
        )
    rest = shapes[0]
    view = joined([signal.view for signal in inputs])
    last = axis == len(rest)
    return Effect(Signal((*rest[:axis], along, *rest[axis:]), view if last else view.undefined()))


def _repeated(signal: Signal, shape: Shape) -> View:
    """The view after broadcasting; it is undefined where sides of 1 were repeated."""
    return signal.view if signal.sides == shape[:-1] else signal.view.undefined()
