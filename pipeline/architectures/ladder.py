"""The lecture's ladder: one hidden layer, whose units see everything, a window each, or a window with shared weights.

Each rung takes something from the one before it and adds nothing. With the same kernel, strides, padding and maps all
have the same units, `positions * maps`:

full    every unit is connected to every pixel: a dense layer
masked  a unit keeps the connections to its window; the others are held at zero, but stored
sparse  the same connections, and only they are stored: a locally connected layer
shared  all positions use the same weights: a convolution

Whatever a rung computes, the rungs above it can compute too (`pipeline.layers.unrolling` writes a convolution out as
them). In one dimension the rows of the image are laid end to end, and a window is a stretch of that line.
"""

from typing import Any, Literal

import keras
from keras import layers
from pydantic import PositiveInt

from pipeline.layers.classifier import classifier
from pipeline.layers.locally_connected import LocallyConnected1D, LocallyConnected2D
from pipeline.layers.masked_dense import MaskedDense1D, MaskedDense2D

_SLIDING = {
    ("masked", 1): MaskedDense1D,
    ("masked", 2): MaskedDense2D,
    ("sparse", 1): LocallyConnected1D,
    ("sparse", 2): LocallyConnected2D,
    ("shared", 1): layers.Conv1D,
    ("shared", 2): layers.Conv2D,
}


def build(
    input_shape: tuple[int, int, int],
    classes: int,
    *,
    connectivity: Literal["full", "masked", "sparse", "shared"] = "full",
    dimensions: Literal[1, 2] = 2,
    kernel_size: PositiveInt | tuple[PositiveInt, PositiveInt] = 3,
    strides: PositiveInt | tuple[PositiveInt, PositiveInt] = 2,
    padding: Literal["valid", "same"] = "same",
    maps: PositiveInt = 1,
    activation: Literal["relu", "leaky_relu", "elu", "gelu", "tanh", "sigmoid", "linear"] = "relu",
    use_bias: bool = True,
) -> keras.Model:
    """Standardised images to class probabilities.

    `connectivity` is the rung. `kernel_size`, `strides` and `padding` say which windows there are, in pixels: of an
    image (`dimensions` 2), where a list holds rows and columns, or of its rows laid end to end (1). `maps` is the
    number of units at each window. With full connectivity they only say how many units there are. `use_bias` gives the
    hidden layer biases: one per unit, or one per map where weights are shared.

    Raises ValueError for a list in one dimension, and for a window that does not fit inside the image.
    """
    if dimensions == 1:
        for name, value in (("kernel_size", kernel_size), ("strides", strides)):
            if not isinstance(value, int):
                raise ValueError(
                    f"`{name}` must be one integer when dimensions=1. Received {name}={list(value)}: "
                    "take one integer, or dimensions=2."
                )
    image = x = keras.Input(input_shape, name="image")
    if dimensions == 1:
        x = layers.Reshape((-1, input_shape[-1]), name="line")(x)
    windows: dict[str, Any] = {"strides": strides, "padding": padding}
    hidden = {"activation": activation, "use_bias": use_bias, "name": "hidden"}
    if connectivity == "full":
        _, units = _SLIDING["masked", dimensions](maps, kernel_size, **windows).compute_output_shape(x.shape)
        x = layers.Flatten(name="flatten")(image)
        x = layers.Dense(units, **hidden)(x)
    else:
        x = _SLIDING[connectivity, dimensions](maps, kernel_size, **windows, **hidden)(x)
        if connectivity != "masked":
            x = layers.Flatten(name="flatten")(x)
    return keras.Model(image, classifier(classes)(x), name="ladder")
