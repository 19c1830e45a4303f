"""The base class of layers with the windows of a convolution but without weight sharing."""

import math
from collections.abc import Callable
from typing import Any

import keras

from pipeline.layers.geometry import Geometry, Padding

Initializer = Callable[..., Any]


class UnsharedWindows(keras.layers.Layer):  # type: ignore[misc]
    """Arguments and windows of a layer without weight sharing; subclasses set the number of `axes`."""

    axes: int
    compiles_with_xla = True

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, ...],
        *,
        strides: int | tuple[int, ...] = 1,
        padding: Padding = "valid",
        activation: str | Callable[..., Any] | None = None,
        use_bias: bool = True,
        kernel_initializer: str | Initializer = "glorot_uniform",
        bias_initializer: str | Initializer = "zeros",
        kernel_regularizer: str | Callable[..., Any] | None = None,
        bias_regularizer: str | Callable[..., Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Check the arguments; the first call creates the weights."""
        super().__init__(**kwargs)
        if filters < 1:
            raise ValueError(f"`filters` must be at least 1. Received filters={filters}.")
        if padding not in ("valid", "same"):
            raise ValueError(f'`padding` must be "valid" or "same". Received padding={padding!r}.')
        self.filters = filters
        self.kernel_size = _per_axis("kernel_size", kernel_size, self.axes)
        self.strides = _per_axis("strides", strides, self.axes)
        self.padding = padding
        self.activation = keras.activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)
        self.input_spec = keras.layers.InputSpec(ndim=self.axes + 2)
        self.supports_jit = self.compiles_with_xla

    def add_weights(self, kernel: tuple[int, ...], bias: tuple[int, ...], initializer: Initializer) -> None:
        """Create kernel and bias of these shapes; `self.bias` is None if `use_bias` is false."""
        self.kernel = self.add_weight(
            name="kernel", shape=kernel, initializer=initializer, regularizer=self.kernel_regularizer
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias", shape=bias, initializer=self.bias_initializer, regularizer=self.bias_regularizer
            )

    def window_initializer(self, channels: int, *, fans: tuple[int, int]) -> Initializer:
        """The kernel's initializer, rescaled from the fans (in, out) of the kernel's shape to those of the convolution.

        `VarianceScaling` and its subclasses (Glorot, He, LeCun) compute fans from the shape. They would count every
        position as part of one window, or every pixel as an input of each unit, and the weights would be too small by
        the square root of that number. Other initializers are returned unchanged.
        """
        initializer = self.kernel_initializer
        if not isinstance(initializer, keras.initializers.VarianceScaling):
            return initializer  # type: ignore[no-any-return]

        def fan(fan_in: int, fan_out: int) -> float:
            return {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[initializer.mode]

        window = math.prod(self.kernel_size)
        return keras.initializers.VarianceScaling(  # type: ignore[no-any-return]
            scale=initializer.scale * fan(*fans) / fan(window * channels, window * self.filters),
            mode=initializer.mode,
            distribution=initializer.distribution,
            seed=initializer.seed,
        )

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor, as JSON values."""
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "activation": keras.activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": keras.regularizers.serialize(self.bias_regularizer),
        }

    def geometry(self, input_shape: tuple[Any, ...]) -> Geometry:
        """The windows on maps of shape (batch, *sides, channels).

        Raises ValueError if a side is unknown or a window does not fit.
        """
        if None in input_shape[1:]:
            sides = {1: "Length", 2: "Height, width"}[self.axes]
            raise ValueError(
                f"{sides} and channels of the input must be known. Received input_shape={tuple(input_shape)}."
            )
        return Geometry(tuple(input_shape[1:-1]), self.kernel_size, self.strides, self.padding)


def _per_axis(name: str, value: int | tuple[int, ...], axes: int) -> tuple[int, ...]:
    """A positive integer for each axis; a single integer applies to all axes."""
    values = (value,) * axes if isinstance(value, int) else tuple(value)
    if len(values) != axes or not all(isinstance(side, int) and side > 0 for side in values):
        more = {1: "", 2: " or two of them"}.get(axes, f" or {axes} of them")
        raise ValueError(f"`{name}` must be a positive integer{more}. Received {name}={value!r}.")
    return values
