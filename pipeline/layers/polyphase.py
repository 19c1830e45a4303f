"""Subsampling that follows the image when it shifts (Chaman & Dokmanić 2021, "Truly shift-invariant CNNs")."""

from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="convtrack")
class PolyphaseSampling2D(keras.layers.Layer):  # type: ignore[misc]
    """Of the `strides ** 2` ways to keep every `strides`-th pixel, takes for each image that of the largest norm.

    The ways are the polyphase components of a map: those that begin at each pixel of its first `strides` × `strides`.
    A circular shift of the map permutes its components and shifts them by whole pixels. So the component of largest
    l2 norm, over all its channels, is the same one wherever the image lies: shifting the input circularly shifts the
    output circularly, exactly and untrained. After circular convolutions and a global average nothing of a shift is
    left but the order of additions. The choice has no gradient; the chosen component has that of a slice.

    The promise needs sides that `strides` divides. Of others the last rows and columns are left out, as pooling does.
    Among equal norms the first component counts.

    Args:
        strides: Step between kept pixels, down and across.
        **kwargs: Passed to `keras.layers.Layer`.

    Shapes:
        input `(batch, height, width, channels)`, output `(batch, height // strides, width // strides, channels)`.

    Raises:
        ValueError: If `strides` is less than 1, or height or width unknown or less than `strides`.

    >>> PolyphaseSampling2D()(keras.ops.reshape([1.0, 2.0, 1.0, 3.0] * 2, (1, 2, 4, 1))).numpy().ravel()
    array([2., 3.], dtype=float32)
    """

    def __init__(self, strides: int = 2, **kwargs: Any) -> None:
        """Checks the step."""
        super().__init__(**kwargs)
        if strides < 1:
            raise ValueError(f"`strides` must be at least 1. Received strides={strides}.")
        self.strides = strides
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Checks that there is something to choose from."""
        self.compute_output_shape(input_shape)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """The component of largest norm of each image."""
        _, rows, columns, channels = self.compute_output_shape(inputs.shape)
        step = self.strides
        whole = inputs[:, : rows * step, : columns * step]
        components = tf.reshape(whole, (-1, rows, step, columns, step, channels))
        components = tf.transpose(components, (0, 2, 4, 1, 3, 5))
        components = tf.reshape(components, (-1, step * step, rows, columns, channels))
        norms = tf.reduce_sum(tf.square(components), axis=(2, 3, 4))
        return tf.gather(components, tf.argmax(norms, axis=1), batch_dims=1)

    def compute_output_shape(self, input_shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """Shape of the output, with the batch axis."""
        batch, *sides, channels = input_shape
        if any(side is None or side < self.strides for side in sides):
            raise ValueError(
                f"Height and width of the input must be at least {self.strides} for strides={self.strides}. "
                f"Received input_shape={tuple(input_shape)}."
            )
        return (batch, *(side // self.strides for side in sides), channels)

    def get_config(self) -> dict[str, Any]:
        """What rebuilds the layer."""
        return {**super().get_config(), "strides": self.strides}
