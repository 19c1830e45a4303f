"""Rules of layers with a kernel that slides over one, two or three axes: convolutions and pooling."""

from collections.abc import Sequence
from math import prod
from typing import Any

from pipeline.arithmetic.nodes import Node
from pipeline.arithmetic.rules.signals import Effect, Misfit, Signal, biases, called, maps, per_axis
from pipeline.arithmetic.sizes import (
    Padding,
    dilated_kernel,
    keras_output_size,
    keras_padding,
    keras_transposed_size,
    same_padding,
    shape_text,
)


def slid(
    node: Node,
    signal: Signal,
    kernel: Sequence[int],
    channels: int,
    *,
    strides: Sequence[int] | None = None,
    padding: Padding | None = None,
    dilation: Sequence[int] | None = None,
) -> Signal:
    """The output, with `channels` channels, of a kernel that slides over feature maps.

    `kernel` has one entry per spatial axis. Strides, padding and dilation default to those of the layer's
    configuration. Raises Misfit if the kernel does not fit, ValueError if the signal has another number of axes.
    """
    axes = len(kernel)
    maps(node, [signal], axes)
    steps = per_axis(node.config.get("strides", 1), axes) if strides is None else tuple(strides)
    gaps = per_axis(node.config.get("dilation_rate", 1), axes) if dilation is None else tuple(dilation)
    zeros: Padding = node.config.get("padding", "valid") if padding is None else padding
    spans = tuple(dilated_kernel(side, gap) for side, gap in zip(kernel, gaps, strict=True))
    if zeros == "valid" and any(span > side for span, side in zip(spans, signal.sides, strict=True)):
        form = shape_text(kernel) + (f" dilated to {shape_text(spans)}" if spans != tuple(kernel) else "")
        raise Misfit(
            f"Layer '{node.name}' ({node.class_name}, {form}) does not fit its {shape_text(signal.sides)} input."
        )
    along = list(zip(signal.sides, spans, steps, strict=True))
    sizes = [keras_output_size(side, span, stride=step, padding=zeros) for side, span, step in along]
    before = [keras_padding(side, span, stride=step, padding=zeros)[0] for side, span, step in along]
    return Signal((*sizes, channels), signal.view.through(spans, strides=steps, padding=before))


def convolution(node: Node, inputs: Sequence[Signal]) -> Effect:
    """Conv1D, 2D and 3D, with or without groups: `kernel * channels / groups` weights per filter."""
    signal, config = maps(node, inputs), node.config
    kernel, filters = _kernel(node, signal), int(config["filters"])
    weights = prod(kernel) * signal.channels // int(config["groups"]) * filters
    return _shared(node, slid(node, signal, kernel, filters), weights)


def depthwise_convolution(node: Node, inputs: Sequence[Signal]) -> Effect:
    """DepthwiseConv1D and 2D: `depth_multiplier` kernels per channel, each applied to that channel only."""
    signal = maps(node, inputs)
    kernel, channels = _kernel(node, signal), signal.channels * int(node.config["depth_multiplier"])
    return _shared(node, slid(node, signal, kernel, channels), prod(kernel) * channels)


def separable_convolution(node: Node, inputs: Sequence[Signal]) -> Effect:
    """SeparableConv1D and 2D: a depthwise convolution, then a 1×1 convolution that mixes the channels."""
    signal, filters = maps(node, inputs), int(node.config["filters"])
    kernel, between = _kernel(node, signal), signal.channels * int(node.config["depth_multiplier"])
    return _shared(node, slid(node, signal, kernel, filters), prod(kernel) * between + between * filters)


def transposed_convolution(node: Node, inputs: Sequence[Signal]) -> Effect:
    """Conv1DTranspose, 2D and 3D: every input number is multiplied by the kernel and added to the outputs it covers.

    With a stride above 1 the receptive fields of units differ in size, so the view is undefined.
    """
    signal, config = maps(node, inputs), node.config
    axes, kernel, filters = len(signal.sides), _kernel(node, signal), int(config["filters"])
    steps, gaps = per_axis(config["strides"], axes), per_axis(config["dilation_rate"], axes)
    added = config.get("output_padding")
    extra = (None,) * axes if added is None else per_axis(added, axes)
    sizes, before = [], []
    for side, taps, step, gap, more in zip(signal.sides, kernel, steps, gaps, extra, strict=True):
        size = keras_transposed_size(
            side, taps, stride=step, padding=config["padding"], output_padding=more, dilation=gap
        )
        span = dilated_kernel(taps, gap)
        cut = same_padding(size, span, stride=step)[0] if config["padding"] == "same" else 0
        sizes.append(size)
        before.append(span - 1 - cut)
    spans = tuple(dilated_kernel(taps, gap) for taps, gap in zip(kernel, gaps, strict=True))
    if any(step > 1 for step in steps):
        view = signal.view.undefined()
    else:
        view = signal.view.through(spans, strides=steps, padding=before)
    output = Signal((*sizes, filters), view)
    weights = prod(kernel) * signal.channels * filters
    links = prod(signal.sides) * weights
    return Effect(output, weights + biases(node, filters), links + biases(node, prod(output.shape)), links)


def pooling(node: Node, inputs: Sequence[Signal]) -> Effect:
    """MaxPooling and AveragePooling, 1D to 3D: a window without weights on each channel."""
    signal = maps(node, inputs)
    window = per_axis(node.config["pool_size"], len(signal.sides))
    output = slid(node, signal, window, signal.channels)
    return Effect(output, connections=prod(output.shape) * prod(window))


def global_pooling(node: Node, inputs: Sequence[Signal]) -> Effect:
    """GlobalAveragePooling and GlobalMaxPooling, 1D to 3D: one number per channel."""
    signal = maps(node, inputs)
    kept = (1,) * len(signal.sides) if node.config.get("keepdims") else ()
    return Effect(Signal((*kept, signal.channels), signal.view.whole()), connections=prod(signal.shape))


def zero_padding(node: Node, inputs: Sequence[Signal]) -> Effect:
    """ZeroPadding1D, 2D and 3D: zeros around each map."""
    return Effect(framed(node, maps(node, inputs), _pairs(node.config["padding"]), sign=1))


def cropping(node: Node, inputs: Sequence[Signal]) -> Effect:
    """Cropping1D, 2D and 3D: the border of each map is removed."""
    return Effect(framed(node, maps(node, inputs), _pairs(node.config["cropping"]), sign=-1))


def framed(node: Node, signal: Signal, frame: Sequence[tuple[int, int]], *, sign: int) -> Signal:
    """The signal after a frame is added to its maps (`sign` 1) or removed from them (`sign` -1).

    `frame` holds (before, after) in pixels for each spatial axis. Raises Misfit if no pixel is left.
    """
    sizes = [side + sign * sum(ends) for side, ends in zip(signal.sides, frame, strict=True)]
    if any(size < 1 for size in sizes):
        raise Misfit(f"{called(node)} leaves no pixel of its {shape_text(signal.sides)} input.")
    ones = (1,) * len(sizes)
    view = signal.view.through(ones, strides=ones, padding=[sign * before for before, _ in frame])
    return Signal((*sizes, signal.channels), view)


def upsampling(node: Node, inputs: Sequence[Signal]) -> Effect:
    """UpSampling1D, 2D and 3D: every number is repeated, so neighbouring units have the same receptive field."""
    signal = maps(node, inputs)
    factors = per_axis(node.config["size"], len(signal.sides))
    sizes = [side * factor for side, factor in zip(signal.sides, factors, strict=True)]
    view = signal.view if all(factor == 1 for factor in factors) else signal.view.undefined()
    return Effect(Signal((*sizes, signal.channels), view))


def _kernel(node: Node, signal: Signal) -> tuple[int, ...]:
    return per_axis(node.config["kernel_size"], len(signal.sides))


def _pairs(frame: Sequence[Any]) -> list[tuple[int, int]]:
    """(before, after) for each spatial axis; for a single axis Keras writes the pair without a list around it."""
    pairs = [frame] if isinstance(frame[0], int) else frame
    return [(int(before), int(after)) for before, after in pairs]


def _shared(node: Node, output: Signal, weights: int) -> Effect:
    """The effect of a layer that uses all its weights once at every position and has a bias per channel."""
    links = prod(output.sides) * weights
    return Effect(
        output,
        parameters=weights + biases(node, output.channels),
        connections=links + biases(node, prod(output.shape)),
        multiply_accumulates=links,
    )
