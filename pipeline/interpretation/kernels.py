"""The kernels of a network's first layer, as pictures have them."""

import keras
import numpy as np
import numpy.typing as npt

from pipeline.layers.locally_connected import LocallyConnected2D
from pipeline.layers.masked_dense import MaskedDense2D


def first_layer_kernels(model: keras.Model) -> npt.NDArray[np.float32] | None:
    """Kernels (height, width, channels, units) of the first layer with weights; None where it has no such form.

    The rows of a dense layer on the flattened image are templates of the whole image, one per unit. Of a layer with
    unshared weights they are those in the middle of the image.
    """
    first = next((layer for layer in model.layers if layer.weights), None)
    if isinstance(first, keras.layers.Conv2D):
        return np.asarray(first.kernel)
    if isinstance(first, LocallyConnected2D):
        rows, columns, _, units = first.kernel.shape
        middle = np.asarray(first.kernel[rows // 2, columns // 2])
        return middle.reshape(*first.kernel_size, -1, units)
    if isinstance(first, keras.layers.Dense | MaskedDense2D) and len(model.input_shape) == 4:
        height, width, channels = model.input_shape[1:]
        if first.kernel.shape[0] == height * width * channels:
            return np.asarray(first.kernel).reshape(height, width, channels, -1)
    return None
