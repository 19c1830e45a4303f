"""Anti-aliased subsampling (Zhang 2019, "Making convolutional networks shift-invariant again")."""

from typing import Any, Literal

import keras


@keras.saving.register_keras_serializable(package="convtrack")
class BlurPool2D(keras.layers.Layer):  # type: ignore[misc]
    """Smooth maps with a binomial filter and keep every `strides`-th pixel.

    Subsampling in max pooling aliases high frequencies, so a shift by one pixel changes the output. Zhang's max pooling
    is `keras.layers.MaxPooling2D(2, strides=1)` followed by this layer; together they halve a map as `MaxPooling2D(2)`
    does.

    Args:
        filter_size: Side of the filter in pixels. Its weights are products of binomial coefficients and sum to 1:
            2 has weights 1, 1 per axis, 3 has 1, 2, 1, and 5 has 1, 4, 6, 4, 1.
        strides: Distance between kept pixels.
        padding: `"reflect"` mirrors `(filter_size - 1) // 2` pixels before and `filter_size // 2` after each side,
            without the border pixel itself; `"valid"` adds nothing, for maps that are padded already.
        **kwargs: Arguments of `keras.layers.Layer`.

    Shapes:
        input `(batch, height, width, channels)`, output `(batch, out_h, out_w, channels)` with
        `out = (size - 1) // strides + 1` for `"reflect"` and `(size - filter_size) // strides + 1` for `"valid"`.

    Raises:
        ValueError: `filter_size` or `strides` is less than 1, `padding` is unknown, or the map is too small.

    >>> BlurPool2D(3)(keras.ops.reshape([0.0, 0.0, 4.0, 0.0, 0.0] * 5, (1, 5, 5, 1))).numpy()[0, 0, :, 0]
    array([0., 2., 0.], dtype=float32)
    """

    def __init__(
        self,
        filter_size: int = 3,
        *,
        strides: int = 2,
        padding: Literal["reflect", "valid"] = "reflect",
        **kwargs: Any,
    ) -> None:
        """Check the arguments."""
        super().__init__(**kwargs)
        if filter_size < 1 or strides < 1:
            raise ValueError(
                f"`filter_size` and `strides` must be at least 1. Received filter_size={filter_size}, {strides=}."
            )
        if padding not in ("reflect", "valid"):
            raise ValueError(f'`padding` must be "reflect" or "valid". Received padding={padding!r}.')
        self.filter_size = filter_size
        self.strides = strides
        self.padding = padding
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Check that the filter fits."""
        self.compute_output_shape(input_shape)

    def call(self, inputs: Any) -> Any:
        """Smooth and subsample.

        Repeated averages of two neighbours give binomial coefficients (Pascal's triangle). Average pooling is ten times
        as fast as a sum of slices, forward and backward.
        """
        if self.padding == "reflect" and self.filter_size > 1:
            margin = ((self.filter_size - 1) // 2, self.filter_size // 2)
            inputs = keras.ops.pad(inputs, ((0, 0), margin, margin, (0, 0)), mode="reflect")
        for _ in range(self.filter_size - 2):
            inputs = keras.ops.average_pool(inputs, 2, strides=1)
        return keras.ops.average_pool(inputs, min(self.filter_size, 2), strides=self.strides)

    def compute_output_shape(self, input_shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """Output shape, with the batch axis."""
        batch, *sides, channels = input_shape
        # Reflection needs one pixel beyond the border for each pixel that it adds.
        least = self.filter_size // 2 + 1 if self.padding == "reflect" else self.filter_size
        added = self.filter_size - 1 if self.padding == "reflect" else 0
        if any(side is None or side < least for side in sides):
            raise ValueError(
                f"Height and width of the input must be at least {least} for filter_size={self.filter_size}, "
                f'padding="{self.padding}". Received input_shape={tuple(input_shape)}.'
            )
        return (batch, *((side + added - self.filter_size) // self.strides + 1 for side in sides), channels)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor, as JSON values."""
        return {
            **super().get_config(),
            "filter_size": self.filter_size,
            "strides": self.strides,
            "padding": self.padding,
        }
