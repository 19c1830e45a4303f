"""A factor per channel that ends a residual branch (Touvron et al. 2021, "Going deeper with image transformers")."""

from typing import Any

import keras


@keras.saving.register_keras_serializable("convtrack")
class LayerScale(keras.layers.Layer):  # type: ignore[misc]
    """Multiplies every channel by a trainable factor.

    A small first value makes a residual block start near the identity, so that deep networks train from the start.

    Args:
        initial: First value of every factor; the paper takes 0.1 for up to 18 blocks, 1e-5 for 24, less for more.
        **kwargs: Passed to `keras.layers.Layer`.

    Takes (batch, …, channels) and gives the same shape; `scale` has shape (channels,).

    >>> LayerScale(0.1)(keras.ops.ones((1, 2, 2, 3))).shape
    TensorShape([1, 2, 2, 3])
    """

    def __init__(self, initial: float, **kwargs: Any) -> None:
        """Store the first value; the factors are made at the first call."""
        super().__init__(**kwargs)
        self.initial = initial

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make one factor per channel."""
        self.scale = self.add_weight(
            name="scale", shape=(input_shape[-1],), initializer=keras.initializers.Constant(self.initial)
        )

    def call(self, inputs: Any) -> Any:
        """Multiply."""
        return inputs * self.scale

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The shape of the input."""
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        """What rebuilds the layer."""
        return {**super().get_config(), "initial": self.initial}
