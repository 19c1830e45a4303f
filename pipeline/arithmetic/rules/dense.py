"""Rules of dense and normalisation layers, which mix or scale the numbers at each position."""

from collections.abc import Iterable, Sequence
from math import prod

from pipeline.arithmetic.nodes import Node
from pipeline.arithmetic.rules.signals import Effect, Signal, biases, length, only, place


def dense(node: Node, inputs: Sequence[Signal]) -> Effect:
    """Dense: one weight per unit and per number along the last axis, shared by all positions."""
    signal, units = only(node, inputs), int(node.config["units"])
    weights = signal.channels * units
    positions = prod(signal.sides)
    return Effect(
        Signal((*signal.sides, units), signal.view),
        parameters=weights + biases(node, units),
        connections=positions * (weights + biases(node, units)),
        multiply_accumulates=positions * weights,
    )


def batch_normalization(node: Node, inputs: Sequence[Signal]) -> Effect:
    """BatchNormalization: moving mean and variance, and optionally scale and centre, per channel."""
    signal, config = only(node, inputs), node.config
    vectors = 2 + bool(config["scale"]) + bool(config["center"]) + 3 * bool(config.get("renorm"))
    return Effect(signal, vectors * length(signal, config["axis"]))


def layer_normalization(node: Node, inputs: Sequence[Signal]) -> Effect:
    """LayerNormalization: optionally scale and centre per number along the normalised axes."""
    signal, config = only(node, inputs), node.config
    vectors = bool(config["scale"]) + bool(config["center"])
    return Effect(_over(signal, config["axis"]), vectors * length(signal, config["axis"]))


def group_normalization(node: Node, inputs: Sequence[Signal]) -> Effect:
    """GroupNormalization: optionally scale and centre per channel; each group is normalised over all positions."""
    signal, config = only(node, inputs), node.config
    vectors = bool(config["scale"]) + bool(config["center"])
    everywhere = range(1, len(signal.shape) + 1)
    return Effect(_over(signal, everywhere), vectors * length(signal, config["axis"]))


def normalization(node: Node, inputs: Sequence[Signal]) -> Effect:
    """Normalization: mean and variance per channel and a count, unless they are given in the configuration."""
    signal, config = only(node, inputs), node.config
    return Effect(signal, 0 if config["mean"] is not None else 2 * length(signal, config["axis"]) + 1)


def rms_normalization(node: Node, inputs: Sequence[Signal]) -> Effect:
    """RMSNormalization: a scale per number along the normalised axes."""
    signal = only(node, inputs)
    return Effect(_over(signal, node.config["axis"]), length(signal, node.config["axis"]))


def normalised_along_axes(node: Node, inputs: Sequence[Signal]) -> Effect:
    """Softmax and UnitNormalization: numbers divided by a sum over the given axes."""
    signal = only(node, inputs)
    return Effect(_over(signal, node.config["axis"]))


def layer_scale(node: Node, inputs: Sequence[Signal]) -> Effect:
    """LayerScale of `keras.applications.convnext`: a factor per channel."""
    return Effect(only(node, inputs), int(node.config["projection_dim"]))


def prelu(node: Node, inputs: Sequence[Signal]) -> Effect:
    """PReLU: a slope per number, shared along `shared_axes`."""
    signal = only(node, inputs)
    return Effect(signal, prod(signal.shape) // length(signal, node.config["shared_axes"]))


def _over(signal: Signal, axes: int | Iterable[int]) -> Signal:
    """The signal after a reduction over axes: units depend on the whole image if one of the axes is spatial."""
    listed = [axes] if isinstance(axes, int) else axes
    if any(place(axis, len(signal.shape)) < len(signal.sides) for axis in listed):
        return Signal(signal.shape, signal.view.whole())
    return signal
