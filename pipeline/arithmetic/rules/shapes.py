"""Rules of input layers and of layers that only rearrange numbers."""

from collections.abc import Sequence
from math import prod

from pipeline.arithmetic.nodes import Node
from pipeline.arithmetic.rules.signals import Effect, Misfit, Signal, called, only
from pipeline.arithmetic.sizes import shape_text
from pipeline.arithmetic.windows import View


def input_layer(node: Node, inputs: Sequence[Signal]) -> Effect:
    """InputLayer: images, signals or volumes, whose pixels have a receptive field of 1; a vector is not an image."""
    shape = tuple(node.config["batch_shape"][1:])
    if not shape or any(side is None or side < 1 for side in shape):
        raise ValueError(f"{called(node)} must have a fixed shape, each side at least 1. Received: {shape}.")
    return Effect(Signal(shape, View.of_pixels(shape[:-1])))


def flatten(node: Node, inputs: Sequence[Signal]) -> Effect:
    """Flatten: all numbers along one axis."""
    signal = only(node, inputs)
    return Effect(Signal((prod(signal.shape),), signal.view.whole()))


def reshape(node: Node, inputs: Sequence[Signal]) -> Effect:
    """Reshape: the same numbers in another shape; one side may be -1."""
    signal, target = only(node, inputs), tuple(node.config["target_shape"])
    numbers, known = prod(signal.shape), prod(side for side in target if side != -1)
    shape = tuple(numbers // known if side == -1 else side for side in target) if known else target
    if target.count(-1) > 1 or prod(shape) != numbers:
        raise Misfit(f"{called(node)} must keep its {numbers} numbers. Received shape: {shape_text(target)}.")
    return Effect(Signal(shape, _rearranged(signal, shape)))


def permute(node: Node, inputs: Sequence[Signal]) -> Effect:
    """Permute: the axes in another order. Windows are kept if the channels stay last."""
    signal, order = only(node, inputs), [axis - 1 for axis in node.config["dims"]]
    view = signal.view
    if view.windows and order[-1] != len(order) - 1:
        view = view.undefined()
    elif view.windows:
        view = View(tuple(view.image[axis] for axis in order[:-1]), tuple(view.windows[axis] for axis in order[:-1]))
    return Effect(Signal(tuple(signal.shape[axis] for axis in order), view))


def _rearranged(signal: Signal, shape: tuple[int, ...]) -> View:
    """The view after a reshape: windows are kept if only axes of length 1 are added or removed."""
    view = signal.view
    if shape == signal.shape or not view.windows:
        return view
    if len(shape) == 1:
        return view.whole()
    long = [index for index, side in enumerate(signal.sides) if side > 1]
    if shape[-1] != signal.channels or shape[:-1] != tuple(signal.sides[index] for index in long):
        return view.undefined()
    return View(tuple(view.image[index] for index in long), tuple(view.windows[index] for index in long))
