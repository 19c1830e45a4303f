"""Circular padding: a map is extended by pixels of its opposite side, so that convolutions are circular."""

from typing import Any

import keras

Frame = tuple[tuple[int, int], tuple[int, int]]


@keras.saving.register_keras_serializable(package="convtrack")
class CircularPadding2D(keras.layers.Layer):  # type: ignore[misc]
    """Extend maps at each side by pixels of the opposite side.

    With `(kernel - 1) // 2` pixels before and `kernel // 2` after each side, a `"valid"` convolution of stride 1 is
    circular: it keeps the size of the maps and commutes exactly with circular shifts, also at the border. Measurements
    of equivariance use it as the control, because zero padding reveals the position in the image.

    Args:
        padding: Number of pixels, `((top, bottom), (left, right))` or one integer for all four sides.
        **kwargs: Arguments of `keras.layers.Layer`.

    Shapes:
        input `(batch, height, width, channels)`, output
        `(batch, top + height + bottom, left + width + right, channels)`.

    Raises:
        ValueError: `padding` is negative or larger than the map.

    >>> CircularPadding2D(((0, 0), (1, 2)))(keras.ops.reshape([1.0, 2.0, 3.0], (1, 1, 3, 1))).numpy().ravel()
    array([3., 1., 2., 3., 1., 2.], dtype=float32)
    """

    def __init__(self, padding: int | Frame = 1, **kwargs: Any) -> None:
        """Check the padding."""
        super().__init__(**kwargs)
        self.padding = _frame(padding)
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Check that the padding is not larger than the maps."""
        self.compute_output_shape(input_shape)

    def call(self, inputs: Any) -> Any:
        """Pad the maps."""
        for axis, (before, after) in enumerate(self.padding, start=1):
            rest = (slice(None),) * axis
            parts = [inputs[(*rest, slice(-before, None))]] if before else []
            parts.append(inputs)
            parts += [inputs[(*rest, slice(after))]] if after else []
            inputs = keras.ops.concatenate(parts, axis=axis)
        return inputs

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Output shape, with the batch axis."""
        batch, *sides, channels = input_shape
        for side, ends in zip(sides, self.padding, strict=True):
            if side is not None and max(ends) > side:
                raise ValueError(
                    f"`padding` must not be larger than the map. "
                    f"Received padding={self.padding}, input_shape={tuple(input_shape)}."
                )
        padded = (None if side is None else side + sum(ends) for side, ends in zip(sides, self.padding, strict=True))
        return (batch, *padded, channels)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor, as JSON values."""
        return {**super().get_config(), "padding": self.padding}


def _frame(padding: Any) -> Frame:
    """The argument as ((top, bottom), (left, right)); JSON gives lists."""
    rows, columns = ((padding, padding),) * 2 if isinstance(padding, int) else padding
    frame = (rows[0], rows[1]), (columns[0], columns[1])
    if min(*frame[0], *frame[1]) < 0:
        raise ValueError(f"`padding` must not be negative. Received padding={padding!r}.")
    return frame
