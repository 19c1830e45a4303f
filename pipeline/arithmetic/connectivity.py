"""How many weights a layer needs that is fully, sparsely, or with shared weights connected to the one before it."""

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

from pipeline.arithmetic.sizes import Padding, keras_output_size


class Weights(NamedTuple):
    """The weights of one layer, biases left out, by how its units are connected to their inputs."""

    full: int
    """Every unit to every input."""
    sparse: int
    """Every unit to its window, each by weights of its own; connections to the zeros of a padding count."""
    shared: int
    """Every unit to its window, all by the same weights."""


def weights(
    sides: Sequence[int],
    kernel: int,
    *,
    stride: int = 1,
    padding: Padding = "valid",
    channels: int = 1,
    maps: int = 1,
) -> Weights:
    """The weights between an image of these sides and `maps` maps of units, one unit for each position of the kernel.

    Raises ValueError where the kernel does not fit.

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
