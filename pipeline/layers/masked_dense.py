"""Dense layers with a mask that sets missing connections to zero: sparse connectivity in dense storage.

It is the lecture's step between a dense layer and a convolution: this layer is a dense layer without most of its
connections, and a convolution is this layer with equal weights at all positions (`pipeline.layers.unrolling` sets
them). The layer needs the memory and the multiplications of a dense layer; `pipeline.layers.locally_connected` stores
only the weights of existing connections.
"""

import math
from typing import Any

import keras

from pipeline.layers.geometry import Geometry
from pipeline.layers.unshared import UnsharedWindows


class _MaskedDense(UnsharedWindows):
    """The common base of the layers for signals and for images."""

    def build(self, input_shape: tuple[Any, ...]) -> None:
        """Create weights and biases."""
        self._windows, self._channels = self.geometry(input_shape), input_shape[-1]
        inputs, units = self._shape
        initializer = self.window_initializer(self._channels, fans=(inputs, units))
        self.add_weights(
            (inputs, units), (units,), lambda shape, dtype=None: self._masked(initializer(shape, dtype=dtype))
        )
        self.input_spec = keras.layers.InputSpec(shape=(None, *input_shape[1:]))

    def call(self, inputs: Any) -> Any:
        """Compute the output of a batch."""
        flattened = keras.ops.reshape(inputs, (-1, self._shape[0]))
        outputs = keras.ops.matmul(flattened, self._masked(self.kernel))
        if self.bias is not None:
            outputs = outputs + self.bias
        return self.activation(outputs)

    def compute_output_shape(self, input_shape: tuple[Any, ...]) -> tuple[Any, int]:
        """Output shape, `(batch, units)`."""
        return input_shape[0], math.prod(self.geometry(input_shape).positions) * self.filters

    @property
    def _shape(self) -> tuple[int, int]:
        inputs = math.prod(self._windows.sides) * self._channels
        return inputs, math.prod(self._windows.positions) * self.filters

    def _masked(self, kernel: Any) -> Any:
        """The kernel with zeros for missing connections.

        The mask of a window is the product of one small mask per axis, so no mask of the kernel's size is stored.
        """
        windows: Geometry = self._windows
        apart = keras.ops.reshape(kernel, (*windows.sides, self._channels, *windows.positions, self.filters))
        for axis, (taps, size) in enumerate(zip(windows.taps, self.kernel_size, strict=True)):
            connected = (taps >= 0) & (taps < size)
            shape = [1] * (2 * self.axes + 2)
            shape[axis], shape[axis + self.axes + 1] = connected.shape
            apart = apart * keras.ops.cast(connected.reshape(shape), apart.dtype)
        return keras.ops.reshape(apart, self._shape)


@keras.saving.register_keras_serializable(package="convtrack")
class MaskedDense2D(_MaskedDense):
    """A dense layer on the pixels of an image in which each unit is connected to one window of a convolution.

    `outputs = activation(pixels @ (kernel * mask) + bias)`, where `mask` is 1 between a unit and the pixels of its
    window, in all channels, and 0 elsewhere. Masked weights start at zero and have no gradient. No weights are shared.

    Args:
        filters: Number of units for each position of the window.
        kernel_size: Height and width of a window in pixels; one integer for both.
        strides: Vertical and horizontal distance between windows in pixels; one integer for both.
        padding: `"valid"` for windows inside the image only, `"same"` for windows that may exceed it such that
            `out = ceil(size / stride)`.
        activation: Activation function, as in Keras.
        use_bias: Whether every unit has a bias.
        kernel_initializer: Initializer of the weights before masking. `VarianceScaling` and its subclasses (Glorot, He,
            LeCun) use the fans of a convolution with the same window.
        bias_initializer: Initializer of the biases.
        kernel_regularizer: Regularizer of the weights.
        bias_regularizer: Regularizer of the biases.
        **kwargs: Arguments of `keras.layers.Layer`.

    Shapes:
        input `(batch, height, width, channels)`; output `(batch, out_h * out_w * filters)`, the flattened maps of the
        convolution; `kernel` `(height * width * channels, out_h * out_w * filters)`; `bias` as the output.

    Raises:
        ValueError: An argument is not positive, `padding` is unknown, height, width or channels of the
            input are unknown, or a window does not fit inside the image.

    >>> MaskedDense2D(4, 3, strides=2)(keras.ops.ones((1, 7, 9, 2))).shape
    TensorShape([1, 48])
    """

    axes = 2


@keras.saving.register_keras_serializable(package="convtrack")
class MaskedDense1D(_MaskedDense):
    """A dense layer on the steps of a signal in which each unit is connected to one window of a convolution.

    Like `MaskedDense2D`, with one axis: input `(batch, length, channels)`, output `(batch, out * filters)`, `kernel`
    `(length * channels, out * filters)`.

    Raises ValueError as `MaskedDense2D` does.

    The lecture's example with five pixels and three outputs: fifteen weights are stored, nine of them for connections.

    >>> sparse = MaskedDense1D(1, 3, use_bias=False, kernel_initializer="ones")
    >>> sparse(keras.ops.ones((1, 5, 1))).shape, sparse.count_params()
    (TensorShape([1, 3]), 15)
    >>> sparse.kernel.numpy()
    array([[1., 0., 0.],
           [1., 1., 0.],
           [1., 1., 1.],
           [0., 1., 1.],
           [0., 0., 1.]], dtype=float32)
    """

    axes = 1
