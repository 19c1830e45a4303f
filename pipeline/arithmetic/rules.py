"""What each kind of Keras layer does to a shape and a receptive field, and what it costs: one function per kind.

**Parameters** are all numbers a layer stores, moving statistics included, as `model.count_params()` counts them.

**Multiply–accumulates** count one product with a weight and its addition as one, for one image. Products with zeros of
the padding count; biases, activations, pooling, and normalisation (it folds into the layer before) do not.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from math import prod

from pipeline.arithmetic.network import Node
from pipeline.arithmetic.sizes import dilated_kernel, keras_output_size, same_padding
from pipeline.arithmetic.windows import Window

Shape = tuple[int, ...]
Pair = tuple[int, int]


@dataclass(frozen=True)
class Signal:
    """What flows from one layer to the next: its shape without the batch axis, and what its units see.

    `windows` holds rows and columns. It is None where no window slides over the input any more and each unit is taken
    to see all of it: after flattening and global pooling, and where paths of different strides meet.
    """

    shape: Shape
    windows: tuple[Window, Window] | None


@dataclass(frozen=True)
class Effect:
    """What a layer puts out, the parameters it stores and the multiply–accumulates it takes."""

    output: Signal
    parameters: int = 0
    multiply_accumulates: int = 0


class Misfit(ValueError):
    """A layer asks for more of its input than there is."""


Rule = Callable[[Node, Sequence[Signal]], Effect]


def input_layer(node: Node, inputs: Sequence[Signal]) -> Effect:
    """The images themselves: each pixel sees itself."""
    shape = tuple(node.config["batch_shape"][1:])
    if any(side is None or side < 1 for side in shape):
        raise ValueError(f"{_called(node)} must have a fixed size without zeros. Received: {shape}.")
    return Effect(Signal(shape, (Window(), Window()) if len(shape) == 3 else None))


def unchanged(node: Node, inputs: Sequence[Signal]) -> Effect:
    """Layers that act on each number alone and store nothing: activations, dropout, rescaling."""
    return Effect(_only(node, inputs))


def convolution(node: Node, inputs: Sequence[Signal]) -> Effect:
    """Conv2D, grouped ones included: one kernel of `kh * kw * channels / groups` weights per filter."""
    signal, config = _only(node, inputs), node.config
    kernel, filters = _pair(config["kernel_size"]), int(config["filters"])
    output = _slid(node, signal, kernel, filters, dilation=_pair(config["dilation_rate"]))
    weights = prod(kernel) * signal.shape[2] // int(config["groups"]) * filters
    return Effect(output, weights + _biases(node, filters), prod(output.shape[:2]) * weights)


def depthwise_convolution(node: Node, inputs: Sequence[Signal]) -> Effect:
    """DepthwiseConv2D: `depth_multiplier` kernels per channel, each looking at that channel alone."""
    signal, config = _only(node, inputs), node.config
    kernel = _pair(config["kernel_size"])
    channels = _sides_and_channels(node, signal)[2] * int(config["depth_multiplier"])
    output = _slid(node, signal, kernel, channels, dilation=_pair(config["dilation_rate"]))
    weights = prod(kernel) * channels
    return Effect(output, weights + _biases(node, channels), prod(output.shape[:2]) * weights)


def separable_convolution(node: Node, inputs: Sequence[Signal]) -> Effect:
    """SeparableConv2D: a depthwise convolution, then a 1×1 convolution that mixes the channels."""
    signal, config = _only(node, inputs), node.config
    kernel, filters = _pair(config["kernel_size"]), int(config["filters"])
    output = _slid(node, signal, kernel, filters, dilation=_pair(config["dilation_rate"]))
    channels = signal.shape[2] * int(config["depth_multiplier"])
    weights = prod(kernel) * channels + channels * filters
    return Effect(output, weights + _biases(node, filters), prod(output.shape[:2]) * weights)


def local_connection(node: Node, inputs: Sequence[Signal]) -> Effect:
    """LocallyConnected2D: a convolution whose kernels and biases differ at every position."""
    signal = _only(node, inputs)
    kernel, filters = _pair(node.config["kernel_size"]), int(node.config["filters"])
    output = _slid(node, signal, kernel, filters)
    weights = prod(output.shape[:2]) * prod(kernel) * signal.shape[2] * filters
    return Effect(output, weights + _biases(node, prod(output.shape)), weights)


def pooling(node: Node, inputs: Sequence[Signal]) -> Effect:
    """MaxPooling2D and AveragePooling2D: a kernel without weights on each channel."""
    signal = _only(node, inputs)
    return Effect(_slid(node, signal, _pair(node.config["pool_size"]), _sides_and_channels(node, signal)[2]))


def global_pooling(node: Node, inputs: Sequence[Signal]) -> Effect:
    """One number per channel."""
    channels = _sides_and_channels(node, _only(node, inputs))[2]
    return Effect(Signal((1, 1, channels) if node.config.get("keepdims") else (channels,), None))


def zero_padding(node: Node, inputs: Sequence[Signal]) -> Effect:
    """ZeroPadding2D: rows and columns of zeros around each map."""
    return Effect(_framed(node, _only(node, inputs), node.config["padding"], sign=1))


def cropping(node: Node, inputs: Sequence[Signal]) -> Effect:
    """Cropping2D: the opposite of zero padding."""
    return Effect(_framed(node, _only(node, inputs), node.config["cropping"], sign=-1))


def channel_padded_shortcut(node: Node, inputs: Sequence[Signal]) -> Effect:
    """ChannelPaddedShortcut: every stride-th pixel, and channels of zeros behind those there are."""
    return Effect(_slid(node, _only(node, inputs), (1, 1), int(node.config["filters"])))


def flatten(node: Node, inputs: Sequence[Signal]) -> Effect:
    """All numbers in one row."""
    return Effect(Signal((prod(_only(node, inputs).shape),), None))


def reshape(node: Node, inputs: Sequence[Signal]) -> Effect:
    """Reshape: the same numbers in another shape, one side of which may be -1."""
    signal, target = _only(node, inputs), tuple(node.config["target_shape"])
    missing = prod(signal.shape) // abs(prod(target))
    shape = tuple(missing if side == -1 else side for side in target)
    return Effect(Signal(shape, signal.windows if shape == signal.shape else None))


def dense(node: Node, inputs: Sequence[Signal]) -> Effect:
    """Dense: every unit has a weight for each number along the last axis; at each position, if there are positions."""
    signal, units = _only(node, inputs), int(node.config["units"])
    weights = signal.shape[-1] * units
    output = Signal((*signal.shape[:-1], units), signal.windows)
    return Effect(output, weights + _biases(node, units), prod(signal.shape[:-1]) * weights)


def batch_normalization(node: Node, inputs: Sequence[Signal]) -> Effect:
    """BatchNormalization: moving mean and variance, and where wanted scale and centre, per channel."""
    signal, config = _only(node, inputs), node.config
    vectors = 2 + bool(config["scale"]) + bool(config["center"]) + 3 * bool(config.get("renorm"))
    return Effect(signal, vectors * _length(signal, config["axis"]))


def layer_normalization(node: Node, inputs: Sequence[Signal]) -> Effect:
    """LayerNormalization: where wanted scale and centre, per number along the normalised axes."""
    signal, config = _only(node, inputs), node.config
    return Effect(signal, (bool(config["scale"]) + bool(config["center"])) * _length(signal, config["axis"]))


def normalization(node: Node, inputs: Sequence[Signal]) -> Effect:
    """Normalization: mean and variance per channel and a count, unless the configuration states them."""
    signal, config = _only(node, inputs), node.config
    return Effect(signal, 0 if config["mean"] is not None else 2 * _length(signal, config["axis"]) + 1)


def elementwise(node: Node, inputs: Sequence[Signal]) -> Effect:
    """Add, Multiply and their kin: number by number; a side of 1 is repeated to match."""
    rank = max(len(signal.shape) for signal in inputs)
    sides = zip_longest(*(reversed(signal.shape) for signal in inputs), fillvalue=1)
    shape = tuple(reversed([max(side) for side in sides]))
    if any(len(signal.shape) != rank for signal in inputs) or any(
        side not in (1, whole) for signal in inputs for side, whole in zip(signal.shape, shape, strict=True)
    ):
        raise ValueError(f"{_called(node)} must have inputs of one shape. Received: {_listed(inputs)}.")
    return Effect(Signal(shape, _joined(inputs)))


def concatenate(node: Node, inputs: Sequence[Signal]) -> Effect:
    """Concatenate: side by side along one axis, as a rule that of the channels."""
    shapes = [list(signal.shape) for signal in inputs]
    axis = _axis(int(node.config["axis"]), len(shapes[0]))
    along = sum(shape.pop(axis) for shape in shapes)
    if any(shape != shapes[0] for shape in shapes):
        raise ValueError(
            f"{_called(node)} must have inputs that differ in axis {axis + 1} alone. Received: {_listed(inputs)}."
        )
    rest = shapes[0]
    last = axis == len(rest)
    return Effect(Signal((*rest[:axis], along, *rest[axis:]), _joined(inputs) if last else None))


RULES: Mapping[str, Rule] = {
    "InputLayer": input_layer,
    "Conv2D": convolution,
    "DepthwiseConv2D": depthwise_convolution,
    "SeparableConv2D": separable_convolution,
    "LocallyConnected2D": local_connection,
    "MaxPooling2D": pooling,
    "AveragePooling2D": pooling,
    "GlobalAveragePooling2D": global_pooling,
    "GlobalMaxPooling2D": global_pooling,
    "ZeroPadding2D": zero_padding,
    "Cropping2D": cropping,
    "ChannelPaddedShortcut": channel_padded_shortcut,
    "Flatten": flatten,
    "Reshape": reshape,
    "Dense": dense,
    "BatchNormalization": batch_normalization,
    "LayerNormalization": layer_normalization,
    "Normalization": normalization,
    "Add": elementwise,
    "Subtract": elementwise,
    "Multiply": elementwise,
    "Average": elementwise,
    "Maximum": elementwise,
    "Minimum": elementwise,
    "Concatenate": concatenate,
    "Activation": unchanged,
    "ReLU": unchanged,
    "LeakyReLU": unchanged,
    "ELU": unchanged,
    "Softmax": unchanged,
    "Dropout": unchanged,
    "SpatialDropout2D": unchanged,
    "GaussianNoise": unchanged,
    "Rescaling": unchanged,
}
"""The rule of each class of layer; a further class is one function and one line here."""


def _slid(node: Node, signal: Signal, kernel: Pair, channels: int, *, dilation: Pair = (1, 1)) -> Signal:
    """The signal after a kernel slides over rows and columns with the layer's strides and padding."""
    sides = _sides_and_channels(node, signal)[:2]
    strides, padding = _pair(node.config["strides"]), node.config.get("padding", "valid")
    spans = dilated_kernel(kernel[0], dilation[0]), dilated_kernel(kernel[1], dilation[1])
    if padding == "valid" and (spans[0] > sides[0] or spans[1] > sides[1]):
        form = _times(kernel) + (f" dilated to {_times(spans)}" if spans != kernel else "")
        raise Misfit(f"Layer '{node.name}' ({node.class_name}, {form}) does not fit its {_times(sides)} input.")
    sizes, windows = [], []
    for axis in (0, 1):
        sizes.append(keras_output_size(sides[axis], spans[axis], stride=strides[axis], padding=padding))
        if signal.windows is not None:
            before = same_padding(sides[axis], spans[axis], stride=strides[axis])[0] if padding == "same" else 0
            windows.append(signal.windows[axis].through(spans[axis], stride=strides[axis], padding=before))
    return Signal((*sizes, channels), (windows[0], windows[1]) if windows else None)


def _framed(node: Node, signal: Signal, frame: Sequence[Sequence[int]], *, sign: int) -> Signal:
    """The signal with `frame`, ((top, bottom), (left, right)), added to or taken off its maps."""
    sides = _sides_and_channels(node, signal)
    rows, columns = (side + sign * sum(ends) for side, ends in zip(sides[:2], frame, strict=True))
    if rows < 1 or columns < 1:
        raise Misfit(f"{_called(node)} leaves nothing of its {_times(sides[:2])} input.")
    if signal.windows is None:
        return Signal((rows, columns, sides[2]), None)
    above, left = (
        window.through(1, padding=sign * ends[0]) for window, ends in zip(signal.windows, frame, strict=True)
    )
    return Signal((rows, columns, sides[2]), (above, left))


def _joined(inputs: Sequence[Signal]) -> tuple[Window, Window] | None:
    """The windows where paths meet: the widest (Araujo et al. 2019), or all of the input if the strides differ."""
    if any(signal.windows is None for signal in inputs):
        return None
    paths = [signal.windows for signal in inputs if signal.windows is not None]
    rows, columns = paths[0]
    for path in paths[1:]:
        if (rows.stride, columns.stride) != (path[0].stride, path[1].stride):
            return None
        rows, columns = rows.joined(path[0]), columns.joined(path[1])
    return rows, columns


def _only(node: Node, inputs: Sequence[Signal]) -> Signal:
    if len(inputs) != 1:
        raise ValueError(f"{_called(node)} must have one input. Received: {len(inputs)}.")
    return inputs[0]


def _sides_and_channels(node: Node, signal: Signal) -> tuple[int, int, int]:
    if len(signal.shape) != 3:
        raise ValueError(f"{_called(node)} must have feature maps as input. Received shape: {signal.shape}.")
    rows, columns, channels = signal.shape
    return rows, columns, channels


def _biases(node: Node, count: int) -> int:
    return count if node.config["use_bias"] else 0


def _axis(axis: int, rank: int) -> int:
    """Place in a shape without batch axis of an axis that Keras counts with it."""
    return axis + rank if axis < 0 else axis - 1


def _length(signal: Signal, axes: int | Sequence[int] | None) -> int:
    """How many numbers lie along one or several axes, counted as Keras does, with the batch axis."""
    listed = [axes] if isinstance(axes, int) else list(axes or ())
    return prod(signal.shape[_axis(axis, len(signal.shape))] for axis in listed)


def _pair(value: int | Sequence[int]) -> Pair:
    return (value, value) if isinstance(value, int) else (value[0], value[1])


def _called(node: Node) -> str:
    return f"Layer '{node.name}' ({node.class_name})"


def _times(sides: Sequence[int]) -> str:
    return "×".join(map(str, sides))


def _listed(inputs: Sequence[Signal]) -> str:
    return ", ".join(_times(signal.shape) for signal in inputs)
