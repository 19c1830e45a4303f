"""Moving figures of a kernel that slides over an image (after Dumoulin & Visin 2016), drawn for any sizes."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.arithmetic.sizes import dilated_kernel, output_size, transposed_size
from pipeline.lecture.moving_svg import Moving, rectangle, squares, text

CELL, WIDE = 26, 40
"""Side of a cell, and of a cell with numbers, in the units of the drawing."""
GAP = 64
"""Between image and map."""


class Sliding(NamedTuple):
    """A kernel on one axis of a square image: what is under it at each position.

    Attributes:
        pixels: whether each cell of the padded axis is a pixel (True) or an added zero.
        kernel: taps of the kernel.
        stride: cells between positions.
        dilation: cells between taps.
        output: number of positions.
    """

    pixels: tuple[bool, ...]
    kernel: int
    stride: int
    dilation: int
    output: int

    def taps(self, position: int) -> list[int]:
        """The cells under the taps at a position."""
        return [position * self.stride + tap * self.dilation for tap in range(self.kernel)]


def convolution(size: int, kernel: int, *, stride: int = 1, padding: int = 0, dilation: int = 1) -> Sliding:
    """The geometry of a convolution or of a pooling.

    >>> convolution(5, 3, stride=2, padding=1).taps(2)
    [4, 5, 6]
    """
    zeros = (False,) * padding
    output = output_size(size, kernel, stride=stride, padding=padding, dilation=dilation)
    return Sliding((*zeros, *(True,) * size, *zeros), kernel, stride, dilation, output)


def transposed(size: int, kernel: int, *, stride: int = 1, padding: int = 0) -> Sliding:
    """The geometry of a transposed convolution as a convolution: zeros between the pixels and around them.

    `stride` and `padding` are those of the convolution whose sizes it exchanges (relationship 13).

    >>> transposed(2, 3, stride=2).pixels
    (False, False, True, False, True, False, False)
    """
    zeros = (False,) * (kernel - padding - 1)
    between = [cell for _ in range(size) for cell in (True, *(False,) * (stride - 1))][: (size - 1) * stride + 1]
    output = transposed_size(size, kernel, stride=stride, padding=padding)
    return Sliding((*zeros, *between, *zeros), kernel, 1, 1, output)


def sliding_figure(name: str, label: str, axis: Sliding, *, seconds: float = 0.9) -> Moving:
    """Image on the left, map on the right; the window and the unit that it computes move."""
    side = len(axis.pixels)
    left, height = side * CELL + GAP, side * CELL
    top = (height - axis.output * CELL) / 2
    cells = [(row, column) for row in range(side) for column in range(side)]
    still = [
        squares([cell for cell in cells if not _is_pixel(axis, cell)], (1, 1), CELL, "zero"),
        squares([cell for cell in cells if _is_pixel(axis, cell)], (1, 1), CELL, "pixel"),
        squares([(i, j) for i in range(axis.output) for j in range(axis.output)], (left, top + 1), CELL, "unit"),
        text(left - GAP / 2, height / 2 + 8, "→", "sign"),
    ]
    frames = []
    for row in range(axis.output):
        for column in range(axis.output):
            window = [(i, j) for i in axis.taps(row) for j in axis.taps(column)]
            span = dilated_kernel(axis.kernel, axis.dilation) * CELL
            frames.append(
                squares(window, (1, 1), CELL, "under")
                + rectangle(1 + column * axis.stride * CELL, 1 + row * axis.stride * CELL, span, span, "window")
                + squares([(row, column)], (left, top + 1), CELL, "now")
            )
    return Moving(name, label, (left + axis.output * CELL + 2, height + 2), "\n".join(still), frames, seconds)


def computing_figure(
    name: str, label: str, image: NDArray[np.integer], kernel: NDArray[np.integer], *, stride: int = 1
) -> Moving:
    """As `sliding_figure`, without padding, with all numbers: grey levels, weights and the sum of the products."""
    side, taps = len(image), len(kernel)
    output = output_size(side, taps, stride=stride)
    left = side * WIDE + GAP
    top, height = (side - output) * WIDE / 2, side * WIDE
    still = [
        squares([(i, j) for i in range(side) for j in range(side)], (1, 1), WIDE, "pixel"),
        squares([(i, j) for i in range(output) for j in range(output)], (left, top + 1), WIDE, "unit"),
        text(left - GAP / 2, height / 2 + 8, "→", "sign"),
    ]
    numbers = "".join(_number(value, (row, column), (1, 1)) for (row, column), value in np.ndenumerate(image))
    frames, computed = [], ""
    for row, column in np.ndindex(output, output):
        y, x = row * stride, column * stride
        products = kernel * image[y : y + taps, x : x + taps]
        computed += _number(int(products.sum()), (row, column), (left, top + 1))
        weights = "".join(
            text(1 + (x + j + 0.8) * WIDE, 1 + (y + i + 0.93) * WIDE, _signed(int(weight)), "weight")
            for (i, j), weight in np.ndenumerate(kernel)
        )
        frames.append(
            squares([(y + i, x + j) for i in range(taps) for j in range(taps)], (1, 1), WIDE, "under")
            + rectangle(1 + x * WIDE, 1 + y * WIDE, taps * WIDE, taps * WIDE, "window")
            + weights
            + squares([(row, column)], (left, top + 1), WIDE, "now")
            + computed
            + text(
                1,
                height + 22,
                _sum(kernel.ravel().tolist(), image[y : y + taps, x : x + taps].ravel().tolist()),
                "left",
            )
        )
    # The numbers of the image are in every frame, so that they lie above the window.
    frames = [f"{frame}{numbers}" for frame in frames]
    return Moving(name, label, (left + output * WIDE + 2, height + 30), "\n".join(still), frames, seconds=2)


def pooling_figure(name: str, label: str, values: NDArray[np.integer], size: int) -> Moving:
    """Max pooling over `size` × `size` values with the same stride, with all numbers."""
    side, output = len(values), len(values) // size
    left = side * WIDE + GAP
    top, height = (side - output) * WIDE / 2, side * WIDE
    still = [
        squares([(i, j) for i in range(side) for j in range(side)], (1, 1), WIDE, "pixel"),
        squares([(i, j) for i in range(output) for j in range(output)], (left, top + 1), WIDE, "unit"),
        text(left - GAP / 2, height / 2 + 8, "→", "sign"),
    ]
    numbers = "".join(_number(value, (row, column), (1, 1)) for (row, column), value in np.ndenumerate(values))
    frames, computed = [], ""
    for row, column in np.ndindex(output, output):
        y, x = row * size, column * size
        block = values[y : y + size, x : x + size]
        computed += _number(int(block.max()), (row, column), (left, top + 1))
        frames.append(
            squares([(y + i, x + j) for i in range(size) for j in range(size)], (1, 1), WIDE, "under")
            + rectangle(1 + x * WIDE, 1 + y * WIDE, size * WIDE, size * WIDE, "window")
            + squares([(row, column)], (left, top + 1), WIDE, "now")
            + numbers
            + computed
            + text(1, height + 22, f"max({', '.join(map(str, block.ravel()))}) = {block.max()}", "left")
        )
    return Moving(name, label, (left + output * WIDE + 2, height + 30), "\n".join(still), frames, seconds=2)


def _is_pixel(axis: Sliding, cell: tuple[int, int]) -> bool:
    return axis.pixels[cell[0]] and axis.pixels[cell[1]]


def _number(value: int, cell: tuple[int, int], origin: tuple[float, float]) -> str:
    return text(origin[0] + (cell[1] + 0.5) * WIDE, origin[1] + (cell[0] + 0.5) * WIDE + 5, _signed(value))


def _signed(value: int) -> str:
    return str(value).replace("-", "−")


def _sum(weights: Sequence[int], pixels: Sequence[int]) -> str:
    """The sum of the products other than zero.

    >>> _sum([2, 0, -1], [1, 5, 3])
    '2·1 − 1·3 = −1'
    """
    terms = [(weight, pixel) for weight, pixel in zip(weights, pixels, strict=True) if weight * pixel]
    written = "".join(f" {'−' if weight < 0 else '+'} {abs(weight)}·{pixel}" for weight, pixel in terms)
    written = f"−{written[3:]}" if written.startswith(" −") else written[3:]
    return f"{written or 0} = {_signed(sum(weight * pixel for weight, pixel in terms))}"
