"""The kernels of a network's first layer, as pictures have them."""

import keras
import numpy as np
import numpy.typing as npt


def first_layer_kernels(model: keras.Model) -> npt.NDArray[np.float32] | None:
    """Kernels (height, width, channels, units) of the first layer with weights; None where it has no such form.

    The rows of a dense layer on the flattened image are templates of the whole image, one per unit.
    """
    first = next((layer for layer in model.layers if layer.weights), None)
    if isinstance(first, keras.layers.Conv2D):
        return np.asarray(first.kernel)
    if isinstance(first, keras.layers.Dense) and len(model.input_shape) == 4:
        height, width, channels = model.input_shape[1:]
        if first.kernel.shape[0] == height * width * channels:
            return np.asarray(first.kernel).reshape(height, width, channels, -1)
    return None
