"""The kernels of the first layer with weights."""

import keras
import numpy as np
import numpy.typing as npt

from pipeline.layers.locally_connected import LocallyConnected2D
from pipeline.layers.masked_dense import MaskedDense2D


def first_layer_kernels(model: keras.Model) -> npt.NDArray[np.float32] | None:
    """Return the kernels of the first layer with weights, shape (height, width, channels, units).

    A dense layer on the flattened image has one kernel per unit, as large as the image. Of a locally connected layer,
    the kernels at the centre of the image are returned. For any other kind of layer the result is None.
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
