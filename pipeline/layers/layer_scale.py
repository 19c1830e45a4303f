"""Layer scale: a factor per channel of a residual branch.

Touvron et al. 2021, "Going deeper with image transformers".
"""

from typing import Any

import keras


@keras.saving.register_keras_serializable("convtrack")
class LayerScale(keras.layers.Layer):  # type: ignore[misc]
    """Multiply every channel by a trainable factor.

    With a small initial value a residual block starts near the identity, which makes deep networks easier to train.

    Args:
        initial: Initial value of every factor; in the paper 0.1 for up to 18 blocks, 1e-5 for 24, less for more.
        **kwargs: Arguments of `keras.layers.Layer`.

    Input and output (batch, …, channels); `scale` (channels,).

    >>> LayerScale(0.1)(keras.ops.ones((1, 2, 2, 3))).shape
    TensorShape([1, 2, 2, 3])
    """

    def __init__(self, initial: float, **kwargs: Any) -> None:
        """Store the initial value; the first call creates the factors."""
        super().__init__(**kwargs)
        self.initial = initial

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create one factor per channel."""
        self.scale = self.add_weight(
            name="scale", shape=(input_shape[-1],), initializer=keras.initializers.Constant(self.initial)
        )

    def call(self, inputs: Any) -> Any:
        """Multiply every channel by its factor."""
        return inputs * self.scale

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Output shape, equal to the input shape."""
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor, as JSON values."""
        return {**super().get_config(), "initial": self.initial}
