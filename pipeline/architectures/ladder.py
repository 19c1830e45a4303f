"""The lecture's connectivity ladder: one hidden layer with full, masked, sparse or shared connections.

With the same kernel, strides, padding and number of maps, every step has the same units, `positions * maps`:

1. full: every unit is connected to every pixel (a dense layer).
2. masked: a unit is connected to its window only; all other weights are zero but stored.
3. sparse: the same connections, and only their weights are stored (a locally connected layer).
4. shared: all positions share the same weights (a convolution).

Every step is a special case of the steps before it (`pipeline.layers.unrolling` writes a convolution as each of them).
In one dimension the rows of the image are concatenated, and a window is an interval of the result. Shapes in comments
are for a 64×64×1 image and the default options.
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
    """Build the model: standardised images to class probabilities.

    Args:
        input_shape: Rows, columns and channels of the image.
        classes: Number of classes.
        connectivity: Step of the ladder. For `full`, kernel, strides and padding determine only the number of units.
        dimensions: 2 for windows on the image, 1 for windows on its concatenated rows.
        kernel_size: Side of a window in pixels, or rows and columns in two dimensions.
        strides: Distance between windows in pixels, or rows and columns in two dimensions.
        padding: `valid` or `same`, as in Keras.
        maps: Number of units per window.
        activation: Activation of the hidden layer.
        use_bias: Whether the hidden layer has biases: one per unit, or one per map with shared weights.

    Raises:
        ValueError: A list is given in one dimension, or a window does not fit inside the image.
    """
    if dimensions == 1:
        for name, value in (("kernel_size", kernel_size), ("strides", strides)):
            if not isinstance(value, int):
                raise ValueError(
                    f"`{name}` must be one integer when dimensions=1. Received {name}={list(value)}: "
                    "use one integer, or dimensions=2."
                )
    image = x = keras.Input(input_shape, name="image")  # 64, 64, 1
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
