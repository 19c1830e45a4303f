"""Adaptive polyphase sampling, which is equivariant to shifts (Chaman & Dokmanić 2021, "Truly shift-invariant
convolutional neural networks").
"""

from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="convtrack")
class PolyphaseSampling2D(keras.layers.Layer):  # type: ignore[misc]
    """Subsample each image to its polyphase component of largest norm.

    The polyphase components of a map are the `strides ** 2` ways to keep every `strides`-th pixel, one for each pixel
    of the first `strides` × `strides` block. A circular shift of the map permutes its components and shifts them by
    whole pixels. The component of largest l2 norm over all channels is therefore the same one for every shift: a
    circular shift of the input shifts the output circularly, exactly and without training. After circular convolutions
    and global average pooling, shifts change only the order of additions. The selection itself has no gradient;
    gradients pass through the selected component as through a slice.

    The property requires sides divisible by `strides`. Otherwise the last rows and columns are dropped, as in pooling.
    If norms are equal, the first component is selected.

    Args:
        strides: Vertical and horizontal distance between kept pixels.
        **kwargs: Arguments of `keras.layers.Layer`.

    Shapes:
        input `(batch, height, width, channels)`, output `(batch, height // strides, width // strides, channels)`.

    Raises:
        ValueError: `strides` is less than 1, or height or width is unknown or less than `strides`.

    >>> PolyphaseSampling2D()(keras.ops.reshape([1.0, 2.0, 1.0, 3.0] * 2, (1, 2, 4, 1))).numpy().ravel()
    array([2., 3.], dtype=float32)
    """

    def __init__(self, strides: int = 2, **kwargs: Any) -> None:
        """Check the stride."""
        super().__init__(**kwargs)
        if strides < 1:
            raise ValueError(f"`strides` must be at least 1. Received strides={strides}.")
        self.strides = strides
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Check that the maps are large enough."""
        self.compute_output_shape(input_shape)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Select the component of largest norm of each image."""
        _, rows, columns, channels = self.compute_output_shape(inputs.shape)
        step = self.strides
        whole = inputs[:, : rows * step, : columns * step]
        components = tf.reshape(whole, (-1, rows, step, columns, step, channels))
        components = tf.transpose(components, (0, 2, 4, 1, 3, 5))
        components = tf.reshape(components, (-1, step * step, rows, columns, channels))
        norms = tf.reduce_sum(tf.square(components), axis=(2, 3, 4))
        return tf.gather(components, tf.argmax(norms, axis=1), batch_dims=1)

    def compute_output_shape(self, input_shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """Output shape, with the batch axis."""
        batch, *sides, channels = input_shape
        if any(side is None or side < self.strides for side in sides):
            raise ValueError(
                f"Height and width of the input must be at least {self.strides} for strides={self.strides}. "
                f"Received input_shape={tuple(input_shape)}."
            )
        return (batch, *(side // self.strides for side in sides), channels)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor, as JSON values."""
        return {**super().get_config(), "strides": self.strides}
