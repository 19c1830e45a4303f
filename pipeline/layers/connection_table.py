"""A convolution with a connection table between input and output maps: C3 of LeNet-5 (LeCun et al. 1998)."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np


@keras.saving.register_keras_serializable("convtrack")
class TableConv2D(keras.layers.Layer):  # type: ignore[misc]
    """A convolution with stride 1 and without padding that has kernels only for the connections of a table.

    It stores only these kernels. The output is that of a dense convolution whose other kernels are zero, and initial
    weights are those of the dense convolution.

    Args:
        table: For each output map, the indices of the input maps that it is connected to.
        kernel_size: Height and width of a kernel in pixels.
        activation: Activation function, as in Keras.
        kernel_initializer: Initializer of the dense kernel; only the values of connections are kept.
        **kwargs: Arguments of `keras.layers.Layer`.

    Shapes:
        input `(batch, rows, columns, channels)`, output `(batch, rows - height + 1, columns - width + 1, maps)`;
        `kernel` `(connections, height, width)` in the order of the table; `bias` `(maps,)`.

    Raises:
        ValueError: An output map has no connection, has the same connection twice, or is connected to an input map
            that does not exist; or a kernel does not fit inside the image.

    >>> layer = TableConv2D([(0, 1), (1, 2)], (5, 5))
    >>> layer(keras.ops.ones((1, 14, 14, 3))).shape, layer.count_params()
    (TensorShape([1, 10, 10, 2]), 102)
    """

    def __init__(
        self,
        table: Sequence[Sequence[int]],
        kernel_size: tuple[int, int],
        *,
        activation: str | Callable[..., Any] | None = None,
        kernel_initializer: str | Callable[..., Any] = "glorot_uniform",
        **kwargs: Any,
    ) -> None:
        """Check the table; the first call creates the weights."""
        super().__init__(**kwargs)
        if len(kernel_size) != 2 or min(kernel_size) < 1:
            raise ValueError(f"`kernel_size` must be two positive integers. Received kernel_size={kernel_size}.")
        if not table or any(not seen or len(set(seen)) < len(seen) or min(seen) < 0 for seen in table):
            raise ValueError(f"`table` must list different input maps for each output map. Received table={table}.")
        self.table = tuple(tuple(seen) for seen in table)
        self.kernel_size = tuple(kernel_size)
        self.activation = keras.activations.get(activation)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, input_shape: tuple[Any, ...]) -> None:
        """Create a kernel per connection and a bias per map."""
        self.compute_output_shape(input_shape)
        channels = input_shape[-1]
        seen = max(max(maps) for maps in self.table)
        if seen >= channels:
            raise ValueError(f"`table` must contain indices of input maps, below {channels}. Received index {seen}.")
        self._dense_shape = (*self.kernel_size, channels, len(self.table))
        # Indices into the last two axes of the dense kernel for each connection.
        self._places = np.array([(before, after) for after, maps in enumerate(self.table) for before in maps], "int32")

        def connected(shape: tuple[int, ...], dtype: str | None = None) -> Any:
            dense = keras.ops.transpose(self.kernel_initializer(self._dense_shape, dtype=dtype), (2, 3, 0, 1))
            rows = keras.ops.reshape(dense, (-1, *self.kernel_size))
            return keras.ops.take(rows, self._places[:, 0] * len(self.table) + self._places[:, 1], axis=0)

        self.kernel = self.add_weight(
            name="kernel", shape=(len(self._places), *self.kernel_size), initializer=connected
        )
        self.bias = self.add_weight(name="bias", shape=(len(self.table),), initializer="zeros")

    def call(self, inputs: Any) -> Any:
        """Compute the output maps of a batch."""
        height, width, channels, maps = self._dense_shape
        dense = keras.ops.scatter(self._places, self.kernel, (channels, maps, height, width))
        outputs = keras.ops.conv(
            inputs, keras.ops.transpose(dense, (2, 3, 0, 1)), padding="valid", data_format="channels_last"
        )
        return self.activation(outputs + self.bias)

    def compute_output_shape(self, input_shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """Output shape, with the batch axis."""
        batch, *sides, _ = input_shape
        if any(side is not None and side < kernel for side, kernel in zip(sides, self.kernel_size, strict=True)):
            raise ValueError(
                "`kernel_size` must fit inside the input. "
                f"Received kernel_size={self.kernel_size}, input_shape={tuple(input_shape)}."
            )
        slid = (
            None if side is None else side - kernel + 1 for side, kernel in zip(sides, self.kernel_size, strict=True)
        )
        return (batch, *slid, len(self.table))

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor, as JSON values."""
        return {
            **super().get_config(),
            "table": self.table,
            "kernel_size": self.kernel_size,
            "activation": keras.activations.serialize(self.activation),
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }
