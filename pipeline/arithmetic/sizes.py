"""Side lengths of feature maps (Dumoulin & Visin 2016, "A guide to convolution arithmetic").

Every function is for one axis; rows and columns are computed separately. Convolution and pooling follow the same
arithmetic. A transposed convolution has the parameters of the convolution whose input and output sizes it exchanges.
"""

from collections.abc import Iterable
from typing import Literal

Padding = Literal["valid", "same", "causal"]


def dilated_kernel(kernel: int, dilation: int = 1) -> int:
    """Side in pixels of a kernel whose taps are `dilation` pixels apart (section 5.1).

    >>> dilated_kernel(3, dilation=2)
    5
    """
    _require_positive(kernel=kernel, dilation=dilation)
    return (kernel - 1) * dilation + 1


def output_size(
    size: int, kernel: int, *, stride: int = 1, padding: int | tuple[int, int] = 0, dilation: int = 1
) -> int:
    """Side length after a kernel slides over a padded side (relationships 6 and 15).

    `padding` is the number of pixels at both ends, or a pair (before, after). Raises ValueError if the kernel does not
    fit.

    >>> output_size(28, 5)
    24
    >>> output_size(5, 3, stride=2, padding=1), output_size(5, 3, stride=2, padding=(0, 1))
    (3, 2)
    """
    before, after = _ends(padding)
    _require_positive(size=size, stride=stride)
    span = dilated_kernel(kernel, dilation)
    if span > size + before + after:
        raise ValueError(
            f"`kernel` must fit inside the padded side. Received kernel={kernel}, dilation={dilation}, size={size} "
            f"and {before + after} pixels of padding in total."
        )
    return (size + before + after - span) // stride + 1


def same_padding(size: int, kernel: int, *, stride: int = 1, dilation: int = 1) -> tuple[int, int]:
    """Number of zeros before and after a side with Keras' padding `same`.

    Their sum is the smallest that gives `ceil(size / stride)` positions; an odd zero is added after.

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


def keras_padding(
    size: int, kernel: int, *, stride: int = 1, padding: Padding = "valid", dilation: int = 1
) -> tuple[int, int]:
    """Number of zeros before and after a side with Keras' padding `valid`, `same` or `causal`.

    With `causal`, no unit depends on later positions.

    >>> [keras_padding(10, 3, padding=padding, dilation=2) for padding in ("valid", "same", "causal")]
    [(0, 0), (2, 2), (4, 0)]
    """
    if padding == "same":
        return same_padding(size, kernel, stride=stride, dilation=dilation)
    return (dilated_kernel(kernel, dilation) - 1 if padding == "causal" else 0), 0


def keras_output_size(size: int, kernel: int, *, stride: int = 1, padding: Padding = "valid", dilation: int = 1) -> int:
    """Side length after a convolution or pooling in Keras.

    Raises ValueError if the kernel does not fit, or a length is less than 1.

    >>> keras_output_size(28, 3, padding="same")
    28
    >>> keras_output_size(7, 2, stride=2), keras_output_size(7, 2, stride=2, padding="same")
    (3, 4)
    """
    ends = keras_padding(size, kernel, stride=stride, padding=padding, dilation=dilation)
    return output_size(size, kernel, stride=stride, padding=ends, dilation=dilation)


def transposed_size(
    size: int,
    kernel: int,
    *,
    stride: int = 1,
    padding: int | tuple[int, int] = 0,
    output_padding: int = 0,
    dilation: int = 1,
) -> int:
    """Side length after a transposed convolution (relationships 13 and 14).

    A convolution with the same parameters maps the result back to `size`. With a stride above 1 this holds for several
    results; `output_padding` from 0 to `stride - 1` selects one. `padding` is removed from both ends of the result.

    Raises ValueError if `output_padding` is negative, or `padding` leaves no pixel.

    >>> transposed_size(3, 3, stride=2, padding=1), transposed_size(3, 3, stride=2, padding=1, output_padding=1)
    (5, 6)
    """
    _require_positive(size=size, stride=stride)
    if output_padding < 0:
        raise ValueError(f"`output_padding` must not be negative. Received output_padding={output_padding}.")
    whole = (size - 1) * stride + dilated_kernel(kernel, dilation) + output_padding
    result = whole - sum(_ends(padding))
    if result < 1:
        raise ValueError(f"`padding` must leave at least one of {whole} pixels. Received padding={padding}.")
    return result


def keras_transposed_size(
    size: int,
    kernel: int,
    *,
    stride: int = 1,
    padding: Padding = "valid",
    output_padding: int | None = None,
    dilation: int = 1,
) -> int:
    """Side length after a transposed convolution in Keras.

    Without `output_padding`, `same` gives `size * stride`, and `valid` gives every position that the kernel reaches, at
    least `size * stride`. With `output_padding`, `same` removes half a kernel at both ends.

    >>> keras_transposed_size(4, 3, stride=2, padding="same"), keras_transposed_size(4, 3, stride=2)
    (8, 9)
    >>> keras_transposed_size(4, 3, stride=2, padding="same", output_padding=0)
    7
    """
    span = dilated_kernel(kernel, dilation)
    if output_padding is not None:
        cut = span // 2 if padding == "same" else 0
        return transposed_size(
            size, kernel, stride=stride, padding=cut, output_padding=output_padding, dilation=dilation
        )
    if padding == "same":
        _require_positive(size=size, stride=stride)
        return size * stride
    return transposed_size(size, kernel, stride=stride, output_padding=max(stride - span, 0), dilation=dilation)


def shape_text(sides: Iterable[object]) -> str:
    """A shape as text.

    >>> shape_text((28, 28))
    '28×28'
    """
    return "×".join(map(str, sides))


def _ends(padding: int | tuple[int, int]) -> tuple[int, int]:
    before, after = (padding, padding) if isinstance(padding, int) else padding
    if before < 0 or after < 0:
        raise ValueError(f"`padding` must not be negative. Received padding={padding}.")
    return before, after


def _require_positive(**lengths: int) -> None:
    for name, length in lengths.items():
        if length < 1:
            raise ValueError(f"`{name}` must be at least 1. Received {name}={length}.")
