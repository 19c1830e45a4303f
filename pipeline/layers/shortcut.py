"""A shortcut without parameters around a block that halves the maps (He et al. 2016, section 3.3, option A)."""

from typing import Any

import keras


@keras.saving.register_keras_serializable("convtrack")
class ChannelPaddedShortcut(keras.layers.Layer):  # type: ignore[misc]
    """Keep every `strides`-th pixel and append channels of zeros up to `filters` channels.

    Input (batch, rows, columns, channels); output (batch, ceil(rows / strides), ceil(columns / strides), filters).

    Raises ValueError if `filters` or `strides` is less than 1, or if the input has more than `filters` channels.

    >>> ChannelPaddedShortcut(32, strides=2).compute_output_shape((None, 7, 8, 16))
    (None, 4, 4, 32)
    """

    def __init__(self, filters: int, *, strides: int = 1, **kwargs: Any) -> None:
        """Check the number of output channels and the distance between kept pixels."""
        super().__init__(**kwargs)
        if filters < 1 or strides < 1:
            raise ValueError(f"`filters` and `strides` must be at least 1. Received filters={filters}, {strides=}.")
        self.filters = filters
        self.strides = strides

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Check that the input does not have more channels than the output."""
        if (input_shape[-1] or 0) > self.filters:
            raise ValueError(
                f"`filters` must be at least the number of input channels, {input_shape[-1]}. "
                f"Received filters={self.filters}."
            )

    def call(self, inputs: Any) -> Any:
        """Subsample and pad."""
        # The average of one pixel is the pixel; TensorFlow computes it many times faster than a slice with strides.
        kept = keras.ops.average_pool(inputs, 1, strides=self.strides, data_format="channels_last")
        return keras.ops.pad(kept, ((0, 0), (0, 0), (0, 0), (0, self.filters - inputs.shape[-1])))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Output shape, with the batch axis; sides are rounded up."""
        batch, *sides, _ = input_shape
        return (batch, *(None if side is None else -(-side // self.strides) for side in sides), self.filters)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor, as JSON values."""
        return {**super().get_config(), "filters": self.filters, "strides": self.strides}
