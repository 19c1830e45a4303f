"""Positions of the windows of a convolution on a map, per axis (Dumoulin & Visin 2016).

Maps have one axis (signals) or two (images). Windows and zero padding are those of `keras.layers.Conv1D` and `Conv2D`
with TensorFlow.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Padding = Literal["valid", "same"]


@dataclass(frozen=True)
class Geometry:
    """The windows of a kernel that slides over a map; each tuple has one value per axis, in pixels.

    Raises:
        ValueError: `padding` is `"valid"` and a window does not fit inside the map.
    """

    sides: tuple[int, ...]
    kernel_size: tuple[int, ...]
    strides: tuple[int, ...]
    padding: Padding

    def __post_init__(self) -> None:
        """Check that a window fits."""
        if self.padding == "valid" and any(
            kernel > side for kernel, side in zip(self.kernel_size, self.sides, strict=True)
        ):
            raise ValueError(
                f'`kernel_size` must fit inside the input when padding="valid". '
                f"Received kernel_size={self.kernel_size}, sides={self.sides}."
            )

    @property
    def positions(self) -> tuple[int, ...]:
        """Number of windows along each axis.

        `(side - kernel) // stride + 1` for `"valid"` and `ceil(side / stride)` for `"same"`.

        >>> Geometry((5, 6), (3, 3), (1, 2), "valid").positions
        (3, 2)
        """
        if self.padding == "same":
            return tuple(-(-side // stride) for side, stride in zip(self.sides, self.strides, strict=True))
        return tuple(
            (side - kernel) // stride + 1
            for side, kernel, stride in zip(self.sides, self.kernel_size, self.strides, strict=True)
        )

    @property
    def margins(self) -> tuple[tuple[int, int], ...]:
        """Number of zeros before and after the map along each axis; an odd zero is added after, as in TensorFlow.

        >>> Geometry((4, 4), (3, 2), (1, 1), "same").margins
        ((1, 1), (0, 1))
        """
        if self.padding == "valid":
            return ((0, 0),) * len(self.sides)
        totals = (
            max((windows - 1) * stride + kernel - side, 0)
            for windows, stride, kernel, side in zip(
                self.positions, self.strides, self.kernel_size, self.sides, strict=True
            )
        )
        return tuple((total // 2, total - total // 2) for total in totals)

    @property
    def taps(self) -> tuple[npt.NDArray[np.intp], ...]:
        """For each axis, an array (side, windows): the index of the tap with which a window covers a pixel.

        Values outside 0..kernel - 1 mean that the window does not cover the pixel.

        >>> Geometry((5,), (3,), (1,), "valid").taps[0]
        array([[ 0, -1, -2],
               [ 1,  0, -1],
               [ 2,  1,  0],
               [ 3,  2,  1],
               [ 4,  3,  2]])
        """
        return tuple(
            np.arange(side)[:, np.newaxis] + before - stride * np.arange(windows)
            for side, windows, stride, (before, _) in zip(
                self.sides, self.positions, self.strides, self.margins, strict=True
            )
        )
