"""The number of weights of a layer with full, sparse or shared connectivity."""

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

from pipeline.arithmetic.sizes import Padding, keras_output_size


class Weights(NamedTuple):
    """The number of weights of a layer, without biases, for each kind of connectivity."""

    full: int
    """Every unit is connected to every input."""
    sparse: int
    """Every unit is connected to its window by its own weights; connections to padding zeros count."""
    shared: int
    """Every unit is connected to its window, and all units share the same weights."""


def weights(
    sides: Sequence[int],
    kernel: int,
    *,
    stride: int = 1,
    padding: Padding = "valid",
    channels: int = 1,
    maps: int = 1,
) -> Weights:
    """The number of weights between an image and `maps` maps with one unit per position of the kernel.

    `sides` holds the sides of the image in pixels, `channels` is its number of channels, and `kernel` and `stride` are
    in pixels. Raises ValueError if the kernel does not fit.

    >>> weights([5], 3)
    Weights(full=15, sparse=9, shared=3)
    >>> weights([64, 64], 3, padding="same")
    Weights(full=16777216, sparse=36864, shared=9)
    """
    positions = prod(keras_output_size(side, kernel, stride=stride, padding=padding) for side in sides)
    window = kernel ** len(sides) * channels
    return Weights(
        full=prod(sides) * channels * positions * maps, sparse=positions * window * maps, shared=window * maps
    )
