"""Side lengths of feature maps (Dumoulin & Visin 2016, "A guide to convolution arithmetic").

Every function speaks about one axis; rows and columns are counted apart. Kernels of convolution and of pooling obey
the same arithmetic.
"""

from typing import Literal

Padding = Literal["valid", "same"]


def dilated_kernel(kernel: int, dilation: int = 1) -> int:
    """Pixels from the first to the last tap of a kernel whose taps lie `dilation` apart (chapter 5.1).

    >>> dilated_kernel(3, dilation=2)
    5
    """
    _require_positive(kernel=kernel, dilation=dilation)
    return (kernel - 1) * dilation + 1


def output_size(size: int, kernel: int, *, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """Side length after a kernel slides over a side with `padding` pixels added at both ends (relationships 6 and 15).

    Raises ValueError where the kernel does not fit.

    >>> output_size(28, 5)
    24
    >>> output_size(5, 3, stride=2, padding=1)
    3
    """
    return _positions(size, kernel, stride, 2 * padding, dilation)


def same_padding(size: int, kernel: int, *, stride: int = 1, dilation: int = 1) -> tuple[int, int]:
    """Zeros that Keras' `same` adds before and after a side; the odd one goes after.

    They are the fewest that give `ceil(size / stride)` positions, so they depend on the size.

    >>> same_padding(28, 3)
    (1, 1)
    >>> same_padding(28, 3, stride=2)
    (0, 1)
    >>> same_padding(27, 3, stride=2)
    (1, 1)
    """
    _require_positive(size=size, stride=stride)
    positions = -(-size // stride)
    total = max((positions - 1) * stride + dilated_kernel(kernel, dilation) - size, 0)
    return total // 2, total - total // 2


def keras_output_size(size: int, kernel: int, *, stride: int = 1, padding: Padding = "valid", dilation: int = 1) -> int:
    """Side length after a Keras convolution or pooling with padding `valid` (none) or `same`.

    >>> keras_output_size(28, 3, padding="same")
    28
    >>> keras_output_size(7, 2, stride=2), keras_output_size(7, 2, stride=2, padding="same")
    (3, 4)
    """
    added = sum(same_padding(size, kernel, stride=stride, dilation=dilation)) if padding == "same" else 0
    return _positions(size, kernel, stride, added, dilation)


def _positions(size: int, kernel: int, stride: int, added: int, dilation: int) -> int:
    _require_positive(size=size, stride=stride)
    span = dilated_kernel(kernel, dilation)
    if added < 0:
        raise ValueError(f"`padding` must not be negative. Received {added} pixels in all.")
    if span > size + added:
        raise ValueError(
            f"`kernel` must fit inside the padded side. "
            f"Received kernel={kernel}, dilation={dilation}, size={size} and {added} pixels of padding in all."
        )
    return (size + added - span) // stride + 1


def _require_positive(**lengths: int) -> None:
    for name, length in lengths.items():
        if length < 1:
            raise ValueError(f"`{name}` must be at least 1. Received {name}={length}.")
