"""A bias per unit for maps that share weights but not biases (LeCun 1989).

LeCun 1989, "Generalization and network design strategies"; The Elements of Statistical Learning, section 11.7.
"""

from typing import Any

import keras


@keras.saving.register_keras_serializable("convtrack")
class PositionBias(keras.layers.Layer):  # type: ignore[misc]
    """Add a separate bias to every unit of the input, such as the output of a convolution without bias.

    Input and output (batch, …); `bias` has the shape of the input without the batch axis and is initially zero.

    Raises ValueError if a side of the input is unknown.

    >>> layer = PositionBias()
    >>> layer(keras.ops.ones((1, 8, 8, 2))).shape, layer.count_params()
    (TensorShape([1, 8, 8, 2]), 128)
    """

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create one bias per unit."""
        if None in input_shape[1:]:
            raise ValueError(f"Every side of the input must be known. Received input_shape={tuple(input_shape)}.")
        self.bias = self.add_weight(name="bias", shape=tuple(input_shape[1:]), initializer="zeros")

    def call(self, inputs: Any) -> Any:
        """Add the biases."""
        return inputs + self.bias

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Output shape, equal to the input shape."""
        return tuple(input_shape)
