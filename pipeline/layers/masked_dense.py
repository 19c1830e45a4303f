"""Dense layers whose missing connections are held at zero: sparse connectivity in dense storage.

The lecture's middle step written out. A convolution is a dense layer from which most connections were taken (here),
and whose remaining weights are equal at every position (`pipeline.layers.unrolling` fills them in). It takes as much
memory and as many products as a dense layer; `pipeline.layers.locally_connected` stores only the weights there are.
"""

import math
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from pipeline.layers.geometry import Geometry
from pipeline.layers.unshared import UnsharedWindows


class _MaskedDense(UnsharedWindows):
    """What signals and images have in common."""

    def build(self, input_shape: tuple[Any, ...]) -> None:
        """Makes weights and biases."""
        self._windows, self._channels = self.geometry(input_shape), input_shape[-1]
        inputs, units = self._shape
        initializer = self.window_initializer(self._channels, fans=(inputs, units))
        self.add_weights(
            (inputs, units), (units,), lambda shape, dtype=None: self._masked(initializer(shape, dtype=dtype))
        )
        self.input_spec = keras.layers.InputSpec(shape=(None, *input_shape[1:]))

    @property
    def mask(self) -> npt.NDArray[np.float32]:
        """1 where an input is connected to a unit, 0 elsewhere; `(inputs, units)`, known once the layer is built."""
        return np.asarray(self._masked(np.ones(self._shape, "float32")))

    def call(self, inputs: Any) -> Any:
        """Output values of a batch."""
        flattened = keras.ops.reshape(inputs, (-1, self._shape[0]))
        outputs = keras.ops.matmul(flattened, self._masked(self.kernel))
        if self.bias is not None:
            outputs = outputs + self.bias
        return self.activation(outputs)

    def compute_output_shape(self, input_shape: tuple[Any, ...]) -> tuple[Any, int]:
        """Shape of the output, `(batch, units)`."""
        return input_shape[0], math.prod(self.geometry(input_shape).positions) * self.filters

    @property
    def _shape(self) -> tuple[int, int]:
        inputs = math.prod(self._windows.sides) * self._channels
        return inputs, math.prod(self._windows.positions) * self.filters

    def _masked(self, kernel: Any) -> Any:
        """The kernel with zeros where there is no connection.

        The mask of a window is the product of one small mask per axis, so nothing of the kernel's size is stored.
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
    """A dense layer on the pixels of an image, in which each unit sees the window that a convolution would show it.

    `outputs = activation(pixels @ (kernel * mask) + bias)`, where `mask` is 1 between a unit and the pixels of its
    window, in all channels, and 0 elsewhere. Masked weights start at zero and get no gradient. Nothing is shared.

    Args:
        filters: Number of units at each position of the window.
        kernel_size: Height and width of a window in pixels; one integer for both.
        strides: Step between windows in pixels, down and across; one integer for both.
        padding: `"valid"` for windows inside the image only, `"same"` for windows that hang over its rim such that
            `out = ceil(size / stride)`.
        activation: What follows the linear map, as in Keras.
        use_bias: Whether every unit has a bias.
        kernel_initializer: Draws the weights, of which the masked are then set to zero. `VarianceScaling` and its kin
            (Glorot, He, LeCun) take the fans of the convolution with the same window.
        bias_initializer: Draws the biases.
        kernel_regularizer: Penalty on the weights.
        bias_regularizer: Penalty on the biases.
        **kwargs: Passed to `keras.layers.Layer`.

    Shapes:
        input `(batch, height, width, channels)`; output `(batch, out_h * out_w * filters)`, the flattened maps of the
        convolution; `kernel` and `mask` `(height * width * channels, out_h * out_w * filters)`; `bias` as the output.

    Raises:
        ValueError: If an argument is not positive, `padding` is neither of the two, height, width or channels of the
            input are unknown, or a window does not fit inside the image.

    >>> MaskedDense2D(4, 3, strides=2)(np.ones((1, 7, 9, 2), "float32")).shape
    TensorShape([1, 48])
    """

    axes = 2


@keras.saving.register_keras_serializable(package="convtrack")
class MaskedDense1D(_MaskedDense):
    """A dense layer on the steps of a signal, in which each unit sees the window that a convolution would show it.

    As `MaskedDense2D`, with one axis instead of two: input `(batch, length, channels)`, output
    `(batch, out * filters)`, `kernel` and `mask` `(length * channels, out * filters)`.

    The lecture's five pixels and three outputs: fifteen weights are stored, of which nine connect.

    >>> sparse = MaskedDense1D(1, 3, use_bias=False)
    >>> sparse(np.ones((1, 5, 1), "float32")).shape, sparse.count_params()
    (TensorShape([1, 3]), 15)
    >>> sparse.mask
    array([[1., 0., 0.],
           [1., 1., 0.],
           [1., 1., 1.],
           [0., 1., 1.],
           [0., 0., 1.]], dtype=float32)
    """

    axes = 1
