"""Locally connected layers (LeCun 1989): the windows of a convolution, with separate weights at every position.

Keras 2 had such layers, Keras 3 does not. Data have the layout (position, window, batch): with the batch innermost, a
window consists of contiguous rows, so gathering windows and adding their gradients copies and sums whole rows. The rest
is one batched matrix product per position. No dense masked matrix is created. In training, a layer keeps its weights
and one copy of every window of the batch in memory.
"""

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pipeline.layers.unshared import UnsharedWindows


class _LocallyConnected(UnsharedWindows):
    """The common base of the layers for signals and for images."""

    compiles_with_xla = False

    def build(self, input_shape: tuple[Any, ...]) -> None:
        """Create one kernel and one bias per position."""
        geometry, channels = self.geometry(input_shape), input_shape[-1]
        positions = geometry.positions
        count, window = math.prod(positions), math.prod(self.kernel_size) * channels
        initializer = self.window_initializer(channels, fans=(count * window, count * self.filters))
        self.add_weights((*positions, window, self.filters), (*positions, self.filters), initializer)
        self._margins = geometry.margins
        padded = [side + sum(margin) for side, margin in zip(geometry.sides, self._margins, strict=True)]
        pixels = np.arange(math.prod(padded), dtype="int32").reshape(padded)
        windows = np.lib.stride_tricks.sliding_window_view(pixels, self.kernel_size)
        steps = tuple(slice(None, None, stride) for stride in self.strides)
        self._gather = _gather_rows(windows[steps].ravel(), of=pixels.size)
        self.input_spec = keras.layers.InputSpec(shape=(None, *input_shape[1:]))

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Compute the output of a batch."""
        *positions, window, filters = self.kernel.shape
        count = math.prod(positions)
        batch = tf.shape(inputs)[0]
        maps = tf.pad(tf.transpose(inputs, (*range(1, self.axes + 2), 0)), [*self._margins, (0, 0), (0, 0)])
        rows = tf.reshape(maps, (math.prod(maps.shape[: self.axes]), maps.shape[self.axes] * batch))
        windows = tf.reshape(self._gather(rows), (count, window, batch))
        kernel = tf.reshape(self.kernel, (count, window, filters))
        outputs = tf.linalg.matmul(windows, kernel, transpose_a=True)  # count, batch, filters
        outputs = tf.reshape(tf.transpose(outputs, (1, 0, 2)), (batch, *positions, filters))
        if self.bias is not None:
            outputs = outputs + self.bias
        return self.activation(outputs)

    def compute_output_shape(self, input_shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """Output shape, with the batch axis."""
        return input_shape[0], *self.geometry(input_shape).positions, self.filters


@keras.saving.register_keras_serializable(package="convtrack")
class LocallyConnected2D(_LocallyConnected):
    """Apply a different linear map to every window of an image.

    The layer has the windows and the multiply–accumulates of `keras.layers.Conv2D`, but positions share neither weights
    nor biases. It has `out_h * out_w` times as many parameters and is not equivariant to shifts (LeCun 1989,
    *Generalization and network design strategies*). Images are channels-last. XLA does not support one of the
    operations, so Keras trains models with this layer without `jit_compile`.

    Args:
        filters: Number of output channels.
        kernel_size: Height and width of a window in pixels; one integer for both.
        strides: Vertical and horizontal distance between windows in pixels; one integer for both.
        padding: `"valid"` for windows inside the image only, `"same"` for zero padding such that
            `out = ceil(size / stride)`.
        activation: Activation function, as in Keras.
        use_bias: Whether every output value has a bias.
        kernel_initializer: Initializer of the weights. `VarianceScaling` and its subclasses (Glorot, He, LeCun) use the
            fans of a convolution with the same window, `kh * kw * channels` in and `kh * kw * filters` out; any other
            initializer is applied to the whole kernel.
        bias_initializer: Initializer of the biases.
        kernel_regularizer: Regularizer of the weights.
        bias_regularizer: Regularizer of the biases.
        **kwargs: Arguments of `keras.layers.Layer`.

    Shapes:
        input `(batch, height, width, channels)`, output `(batch, out_h, out_w, filters)` with
        `out = (size - kernel) // stride + 1` for `"valid"`;
        `kernel` `(out_h, out_w, kh * kw * channels, filters)`, where the third axis is a flattened Conv2D window;
        `bias` `(out_h, out_w, filters)`.

    Raises:
        ValueError: An argument is not positive, `padding` is unknown, height, width or channels of the
            input are unknown, or a window does not fit inside the image.

    >>> LocallyConnected2D(4, 3, strides=2)(np.ones((1, 7, 9, 2), "float32")).shape
    TensorShape([1, 3, 4, 4])
    """

    axes = 2


@keras.saving.register_keras_serializable(package="convtrack")
class LocallyConnected1D(_LocallyConnected):
    """Apply a different linear map to every window of a signal.

    Like `LocallyConnected2D`, with one axis: the windows of `keras.layers.Conv1D` with separate weights.

    Args:
        filters: Number of output channels.
        kernel_size: Length of a window in steps of the signal.
        strides: Distance between windows in steps of the signal.
        padding: `"valid"` for windows inside the signal only, `"same"` for zero padding such that
            `out = ceil(length / stride)`.
        activation: Activation function, as in Keras.
        use_bias: Whether every output value has a bias.
        kernel_initializer: Initializer of the weights; `VarianceScaling` and its subclasses use a convolution's fans.
        bias_initializer: Initializer of the biases.
        kernel_regularizer: Regularizer of the weights.
        bias_regularizer: Regularizer of the biases.
        **kwargs: Arguments of `keras.layers.Layer`.

    Shapes:
        input `(batch, length, channels)`, output `(batch, out, filters)`;
        `kernel` `(out, kernel_size * channels, filters)`, where the second axis is a flattened Conv1D window;
        `bias` `(out, filters)`.

    Raises:
        ValueError: An argument is not positive, `padding` is unknown, length or channels of the input
            are unknown, or a window does not fit inside the signal.

    The lecture's example with five pixels and three outputs, each with its own three weights:

    >>> sparse = LocallyConnected1D(1, 3, use_bias=False)
    >>> sparse(np.ones((1, 5, 1), "float32")).shape, sparse.count_params()
    (TensorShape([1, 3, 1]), 9)
    """

    axes = 1


def _gather_rows(indices: np.ndarray[Any, np.dtype[np.int32]], *, of: int) -> Callable[[tf.Tensor], tf.Tensor]:
    """A function that gathers the rows `indices` of a table with `of` rows.

    TensorFlow's gradient adds rows one by one. Summing all rows of a segment at once takes a quarter of the time (2.0
    instead of 7.9 ms for 9,216 rows of 512 values), always in the same order.
    """
    order = np.argsort(indices, kind="stable").astype("int32")
    segments = indices[order]

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def gather(table: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
        def gradient(rows: tf.Tensor) -> tf.Tensor:
            return tf.sparse.segment_sum(rows, order, segments, num_segments=of)

        return tf.gather(table, indices), gradient

    return gather  # type: ignore[no-any-return]
