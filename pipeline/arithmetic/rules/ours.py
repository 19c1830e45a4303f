"""Rules of the layers under `pipeline/layers`."""

from collections.abc import Mapping, Sequence
from math import prod

from pipeline.arithmetic.nodes import Node
from pipeline.arithmetic.rules.signals import (
    Effect,
    Misfit,
    Rule,
    Signal,
    biases,
    called,
    maps,
    only,
    per_axis,
    spatial_axes,
)
from pipeline.arithmetic.rules.sliding import framed, slid
from pipeline.arithmetic.sizes import keras_output_size, keras_padding, shape_text


def local_connection(node: Node, inputs: Sequence[Signal]) -> Effect:
    """LocallyConnected1D and 2D: a convolution whose kernels and biases differ at every position."""
    signal, filters = only(node, inputs), int(node.config["filters"])
    kernel = per_axis(node.config["kernel_size"], spatial_axes(node))
    output = slid(node, signal, kernel, filters)
    weights = prod(output.sides) * prod(kernel) * signal.channels * filters
    links = weights + biases(node, prod(output.shape))
    return Effect(output, parameters=links, connections=links, multiply_accumulates=weights)


def channel_padded_shortcut(node: Node, inputs: Sequence[Signal]) -> Effect:
    """ChannelPaddedShortcut: every `strides`-th pixel, with channels of zeros appended."""
    return Effect(slid(node, only(node, inputs), (1, 1), int(node.config["filters"])))


def table_convolution(node: Node, inputs: Sequence[Signal]) -> Effect:
    """TableConv2D: a convolution with a kernel per connection of its table and a bias per map."""
    kernel, table = per_axis(node.config["kernel_size"], 2), node.config["table"]
    output = slid(node, only(node, inputs), kernel, len(table))
    weights = prod(kernel) * sum(len(seen) for seen in table)
    positions = prod(output.sides)
    return Effect(output, weights + len(table), positions * (weights + len(table)), positions * weights)


def subsampling(node: Node, inputs: Sequence[Signal]) -> Effect:
    """Subsampling2D: sums over non-overlapping windows, with a coefficient and a bias per map."""
    signal, window = maps(node, inputs), per_axis(node.config["pool_size"], 2)
    output = slid(node, signal, window, signal.channels, strides=window)
    return Effect(output, parameters=2 * signal.channels, connections=prod(output.shape) * (prod(window) + 1))


def position_bias(node: Node, inputs: Sequence[Signal]) -> Effect:
    """PositionBias: a bias, and so one connection, per unit of its input."""
    signal = only(node, inputs)
    return Effect(signal, parameters=prod(signal.shape), connections=prod(signal.shape))


def layer_scale(node: Node, inputs: Sequence[Signal]) -> Effect:
    """LayerScale: a factor per channel."""
    signal = only(node, inputs)
    return Effect(signal, parameters=signal.channels)


def masked_dense(node: Node, inputs: Sequence[Signal]) -> Effect:
    """MaskedDense1D and 2D: a dense layer that stores and multiplies all weights but connects only those of a window.

    Padding has no connections here because a dense layer has no input there.
    """
    signal, filters, padding = maps(node, inputs), int(node.config["filters"]), node.config["padding"]
    kernel = per_axis(node.config["kernel_size"], spatial_axes(node))
    steps = per_axis(node.config["strides"], len(kernel))
    units = prod(slid(node, signal, kernel, filters).shape)
    connected = signal.channels * filters
    for side, taps, step in zip(signal.sides, kernel, steps, strict=True):
        first = -keras_padding(side, taps, stride=step, padding=padding)[0]
        windows = range(keras_output_size(side, taps, stride=step, padding=padding))
        starts = [first + window * step for window in windows]
        connected *= sum(min(start + taps, side) - max(start, 0) for start in starts)
    weights = prod(signal.shape) * units
    return Effect(
        Signal((units,), signal.view.whole()),
        parameters=weights + biases(node, units),
        connections=connected + biases(node, units),
        multiply_accumulates=weights,
    )


def circular_padding(node: Node, inputs: Sequence[Signal]) -> Effect:
    """CircularPadding2D: each map is extended by pixels of its opposite side."""
    signal = maps(node, inputs)
    frame = [(int(before), int(after)) for before, after in node.config["padding"]]
    for side, ends in zip(signal.sides, frame, strict=True):
        if max(ends) > side:
            raise Misfit(f"{called(node)} does not fit its {shape_text(signal.sides)} input.")
    return Effect(framed(node, signal, frame, sign=1))


def blur_pooling(node: Node, inputs: Sequence[Signal]) -> Effect:
    """BlurPool2D: pooling with fixed weights, after reflection padding unless `padding` is "valid"."""
    signal, size = maps(node, inputs), int(node.config["filter_size"])
    kernel = (size, size)
    if node.config["padding"] == "reflect":
        if min(signal.sides) <= size // 2:
            form = f"{node.class_name}, {shape_text(kernel)}"
            raise Misfit(f"Layer '{node.name}' ({form}) does not fit its {shape_text(signal.sides)} input.")
        signal = framed(node, signal, [((size - 1) // 2, size // 2)] * 2, sign=1)
    output = slid(node, signal, kernel, signal.channels, padding="valid")
    return Effect(output, connections=prod(output.shape) * size**2)


def polyphase_sampling(node: Node, inputs: Sequence[Signal]) -> Effect:
    """PolyphaseSampling2D: one pixel of each `strides` × `strides` block, at the same place in all blocks of an image.

    The place depends on the image, so the receptive field of a unit is the whole block, as for pooling. The choice of
    the place depends on the whole image; this is not counted, because the choice is piecewise constant.
    """
    signal, step = maps(node, inputs), int(node.config["strides"])
    output = slid(node, signal, (step, step), signal.channels, padding="valid")
    return Effect(output, connections=prod(output.shape) * step**2)


OURS: Mapping[str, Rule] = {
    "LocallyConnected1D": local_connection,
    "LocallyConnected2D": local_connection,
    "MaskedDense1D": masked_dense,
    "MaskedDense2D": masked_dense,
    "CircularPadding2D": circular_padding,
    "BlurPool2D": blur_pooling,
    "PolyphaseSampling2D": polyphase_sampling,
    "ChannelPaddedShortcut": channel_padded_shortcut,
    "TableConv2D": table_convolution,
    "Subsampling2D": subsampling,
    "PositionBias": position_bias,
    "LayerScale": layer_scale,
}
"""Rules by class name; every layer class under `pipeline/layers` has one."""
