"""A convolution whose maps each see some of the maps before, as a table says: C3 of LeNet-5 (LeCun et al. 1998)."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np


@keras.saving.register_keras_serializable("convtrack")
class TableConv2D(keras.layers.Layer):  # type: ignore[misc]
    """A convolution at stride 1 inside the image that has kernels only where the table connects two maps.

    The connected kernels are all it stores. It computes as the dense convolution whose other kernels are zero, and its
    kernels are drawn as that convolution's.

    Args:
        table: For each output map the numbers of the input maps that it sees, from 0.
        kernel_size: Height and width of a kernel in pixels.
        activation: What follows the linear map, as in Keras.
        kernel_initializer: Draws the dense kernel of which the connected part is kept.
        **kwargs: Passed to `keras.layers.Layer`.

    Takes (batch, rows, columns, channels) and gives (batch, rows - height + 1, columns - width + 1, maps); `kernel`
    has shape (connections, height, width), in the order of the table, `bias` (maps,).

    Raises ValueError where a map sees none, one twice or one that the input does not have, and where a kernel does not
    fit inside the image.

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
        """Check the table; weights are made at the first call."""
        super().__init__(**kwargs)
        if len(kernel_size) != 2 or min(kernel_size) < 1:
            raise ValueError(f"`kernel_size` must be two positive integers. Received kernel_size={kernel_size}.")
        if not table or any(not seen or len(set(seen)) < len(seen) or min(seen) < 0 for seen in table):
            raise ValueError(f"`table` must give each map the different maps that it sees. Received table={table}.")
        self.table = tuple(tuple(seen) for seen in table)
        self.kernel_size = tuple(kernel_size)
        self.activation = keras.activations.get(activation)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, input_shape: tuple[Any, ...]) -> None:
        """Make a kernel per connection and a bias per map."""
        self.compute_output_shape(input_shape)
        channels = input_shape[-1]
        seen = max(max(maps) for maps in self.table)
        if seen >= channels:
            raise ValueError(f"`table` must name maps of the input. Received map {seen} and {channels} channels.")
        self._dense_shape = (*self.kernel_size, channels, len(self.table))
        # Row and column of the dense kernel's last two axes, for each connection.
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
        """Output maps of a batch of images."""
        height, width, channels, maps = self._dense_shape
        dense = keras.ops.scatter(self._places, self.kernel, (channels, maps, height, width))
        outputs = keras.ops.conv(
            inputs, keras.ops.transpose(dense, (2, 3, 0, 1)), padding="valid", data_format="channels_last"
        )
        return self.activation(outputs + self.bias)

    def compute_output_shape(self, input_shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """Shape with batch axis."""
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
        """What rebuilds the layer."""
        return {
            **super().get_config(),
            "table": self.table,
            "kernel_size": self.kernel_size,
            "activation": keras.activations.serialize(self.activation),
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }
