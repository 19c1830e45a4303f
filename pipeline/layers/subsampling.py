"""Subsampling with a trainable coefficient and bias per map: S2 and S4 of LeNet-5 (LeCun et al. 1998, section II-B)."""

import math
from collections.abc import Callable
from typing import Any

import keras


@keras.saving.register_keras_serializable("convtrack")
class Subsampling2D(keras.layers.Layer):  # type: ignore[misc]
    """Sum each window, multiply by the coefficient of the map, add its bias and apply the activation.

    Windows do not overlap; incomplete windows at the end are dropped. Initially the layer computes averages: every
    coefficient is 1 / (height * width) and every bias zero.

    Args:
        pool_size: Height and width of a window in pixels.
        activation: Activation function, as in Keras.
        **kwargs: Arguments of `keras.layers.Layer`.

    Shapes:
        input `(batch, rows, columns, channels)`, output `(batch, rows // height, columns // width, channels)`;
        `coefficient` and `bias` `(channels,)`.

    Raises:
        ValueError: `pool_size` is not two positive integers.

    >>> layer = Subsampling2D((2, 2))
    >>> layer(keras.ops.ones((1, 28, 28, 6))).shape, layer.count_params()
    (TensorShape([1, 14, 14, 6]), 12)
    """

    def __init__(
        self, pool_size: tuple[int, int], *, activation: str | Callable[..., Any] | None = None, **kwargs: Any
    ) -> None:
        """Check the window; the first call creates the weights."""
        super().__init__(**kwargs)
        if len(pool_size) != 2 or min(pool_size) < 1:
            raise ValueError(f"`pool_size` must be two positive integers. Received pool_size={pool_size}.")
        self.pool_size = tuple(pool_size)
        self.activation = keras.activations.get(activation)
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create one coefficient and one bias per map."""
        average = keras.initializers.Constant(1 / math.prod(self.pool_size))
        self.coefficient = self.add_weight(name="coefficient", shape=(input_shape[-1],), initializer=average)
        self.bias = self.add_weight(name="bias", shape=(input_shape[-1],), initializer="zeros")

    def call(self, inputs: Any) -> Any:
        """Subsample the maps."""
        means = keras.ops.average_pool(inputs, self.pool_size, self.pool_size, data_format="channels_last")
        return self.activation(means * (self.coefficient * math.prod(self.pool_size)) + self.bias)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Output shape, with the batch axis; sides are rounded down."""
        batch, *sides, channels = input_shape
        kept = (None if side is None else side // step for side, step in zip(sides, self.pool_size, strict=True))
        return (batch, *kept, channels)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor, as JSON values."""
        return {
            **super().get_config(),
            "pool_size": self.pool_size,
            "activation": keras.activations.serialize(self.activation),
        }
