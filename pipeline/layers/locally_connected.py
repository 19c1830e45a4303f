"""Locally connected layers (LeCun 1989): the sparse windows of a convolution, with its own weights at every position.

Keras 2 had these layers and Keras 3 has not. They compute in the layout (position, window, batch): with the batch
innermost a window is a handful of contiguous rows, so gathering windows, and adding their gradients back, are copies
and sums of whole rows, and the rest is one batched matrix product per position. No dense, masked matrix is ever made:
beside its weights a layer holds the windows of one batch, one copy of each window an image, while it trains.
"""

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pipeline.layers.unshared import UnsharedWindows


class _LocallyConnected(UnsharedWindows):
    """What signals and images have in common."""

    compiles_with_xla = False

    def build(self, input_shape: tuple[Any, ...]) -> None:
        """Makes one kernel and one bias per position."""
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
        """Output values of a batch."""
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
        """Shape of the output, with the batch axis."""
        return input_shape[0], *self.geometry(input_shape).positions, self.filters


@keras.saving.register_keras_serializable(package="convtrack")
class LocallyConnected2D(_LocallyConnected):
    """Applies a different linear map to every window of an image.

    As `keras.layers.Conv2D`, with the same windows and as many multiply–accumulates, but nothing is shared between
    positions, not even the bias: `out_h * out_w` times as many parameters, and no equivariance to shifts (LeCun 1989,
    *Generalization and network design strategies*). Images are channels-last. XLA lacks an operation used here, so
    Keras trains a model that has this layer without `jit_compile`.

    Args:
        filters: Number of output channels.
        kernel_size: Height and width of a window in pixels; one integer for both.
        strides: Step between windows in pixels, down and across; one integer for both.
        padding: `"valid"` for windows inside the image only, `"same"` for zeros around it such that
            `out = ceil(size / stride)`.
        activation: What follows the linear map, as in Keras.
        use_bias: Whether every output value has a bias.
        kernel_initializer: Draws the weights. `VarianceScaling` and its kin (Glorot, He, LeCun) take the fans of the
            convolution with the same window, `kh * kw * channels` in and `kh * kw * filters` out; any other draws the
            whole kernel as it stands.
        bias_initializer: Draws the biases.
        kernel_regularizer: Penalty on the weights.
        bias_regularizer: Penalty on the biases.
        **kwargs: Passed to `keras.layers.Layer`.

    Shapes:
        input `(batch, height, width, channels)`, output `(batch, out_h, out_w, filters)` with
        `out = (size - kernel) // stride + 1` for `"valid"`;
        `kernel` `(out_h, out_w, kh * kw * channels, filters)`, where the third axis is a flattened Conv2D window;
        `bias` `(out_h, out_w, filters)`.

    Raises:
        ValueError: If an argument is not positive, `padding` is neither of the two, height, width or channels of the
            input are unknown, or a window does not fit inside the image.

    >>> LocallyConnected2D(4, 3, strides=2)(np.ones((1, 7, 9, 2), "float32")).shape
    TensorShape([1, 3, 4, 4])
    """

    axes = 2


@keras.saving.register_keras_serializable(package="convtrack")
class LocallyConnected1D(_LocallyConnected):
    """Applies a different linear map to every window of a signal.

    As `LocallyConnected2D`, with one axis instead of two: the windows of `keras.layers.Conv1D`, unshared.

    Args:
        filters: Number of output channels.
        kernel_size: Length of a window in steps of the signal.
        strides: Steps from one window to the next.
        padding: `"valid"` for windows inside the signal only, `"same"` for zeros around it such that
            `out = ceil(length / stride)`.
        activation: What follows the linear map, as in Keras.
        use_bias: Whether every output value has a bias.
        kernel_initializer: Draws the weights; `VarianceScaling` and its kin take the fans of the convolution.
        bias_initializer: Draws the biases.
        kernel_regularizer: Penalty on the weights.
        bias_regularizer: Penalty on the biases.
        **kwargs: Passed to `keras.layers.Layer`.

    Shapes:
        input `(batch, length, channels)`, output `(batch, out, filters)`;
        `kernel` `(out, kernel_size * channels, filters)`, where the second axis is a flattened Conv1D window;
        `bias` `(out, filters)`.

    Raises:
        ValueError: If an argument is not positive, `padding` is neither of the two, length or channels of the input
            are unknown, or a window does not fit inside the signal.

    The lecture's five pixels and three outputs, of which each sees three, with its own three weights:

    >>> sparse = LocallyConnected1D(1, 3, use_bias=False)
    >>> sparse(np.ones((1, 5, 1), "float32")).shape, sparse.count_params()
    (TensorShape([1, 3, 1]), 9)
    """

    axes = 1


def _gather_rows(indices: np.ndarray[Any, np.dtype[np.int32]], *, of: int) -> Callable[[tf.Tensor], tf.Tensor]:
    """A function that takes rows `indices` from a table of `of` rows.

    TensorFlow's own gradient adds row by row into the table; summing all rows of a segment at once takes a quarter of
    that time (2.0 ms against 7.9 ms for 9,216 rows of 512 values), always in the same order.
    """
    order = np.argsort(indices, kind="stable").astype("int32")
    segments = indices[order]

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def gather(table: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
        def gradient(rows: tf.Tensor) -> tf.Tensor:
            return tf.sparse.segment_sum(rows, order, segments, num_segments=of)

        return tf.gather(table, indices), gradient

    return gather  # type: ignore[no-any-return]
