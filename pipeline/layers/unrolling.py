"""Convert a convolution to a locally connected or a masked dense layer; it is a special case of both.

Both compute the same function as the convolution, up to the order of floating-point additions. Each step from full to
shared weights therefore only removes something: first connections, then the separate weights of each position.
"""

from typing import Any

import keras
import numpy as np

from pipeline.layers.geometry import Geometry
from pipeline.layers.locally_connected import LocallyConnected1D, LocallyConnected2D
from pipeline.layers.masked_dense import MaskedDense1D, MaskedDense2D


def unrolled_locally(convolution: keras.layers.Layer) -> LocallyConnected1D | LocallyConnected2D:
    """The locally connected layer with the kernel and the bias of a built convolution at every position.

    `convolution` is a built `keras.layers.Conv1D` or `Conv2D`; input and output shapes stay the same.

    Raises ValueError for any other layer, and for a convolution that is not built, whose input has no fixed size, or
    that has groups, dilation, causal padding or channels first.

    >>> convolution = keras.layers.Conv1D(1, 3, use_bias=False)
    >>> convolution.build((None, 5, 1))
    >>> convolution.set_weights([np.reshape([1.0, 2.0, 3.0], (3, 1, 1))])
    >>> np.asarray(unrolled_locally(convolution).kernel)[:, :, 0]
    array([[1., 2., 3.],
           [1., 2., 3.],
           [1., 2., 3.]], dtype=float32)
    """
    geometry, channels = _geometry(convolution)
    kind = {1: LocallyConnected1D, 2: LocallyConnected2D}[len(geometry.sides)]
    layer = kind(**_arguments(convolution, geometry))
    layer.build((None, *geometry.sides, channels))
    window = np.asarray(convolution.kernel).reshape(-1, convolution.filters)
    weights = [np.broadcast_to(window, layer.kernel.shape)]
    if convolution.use_bias:
        weights.append(np.broadcast_to(np.asarray(convolution.bias), (*geometry.positions, convolution.filters)))
    layer.set_weights(weights)
    return layer


def unrolled_densely(convolution: keras.layers.Layer) -> MaskedDense1D | MaskedDense2D:
    """The masked dense layer whose kernel is the matrix of a built convolution.

    `convolution` is a built `keras.layers.Conv1D` or `Conv2D`; the output is that of the convolution, flattened. Raises
    ValueError as `unrolled_locally` does.

    >>> convolution = keras.layers.Conv1D(1, 3, use_bias=False)
    >>> convolution.build((None, 5, 1))
    >>> convolution.set_weights([np.reshape([1.0, 2.0, 3.0], (3, 1, 1))])
    >>> np.asarray(unrolled_densely(convolution).kernel)
    array([[1., 0., 0.],
           [2., 1., 0.],
           [3., 2., 1.],
           [0., 3., 2.],
           [0., 0., 3.]], dtype=float32)
    """
    geometry, channels = _geometry(convolution)
    kind = {1: MaskedDense1D, 2: MaskedDense2D}[len(geometry.sides)]
    layer = kind(**_arguments(convolution, geometry))
    layer.build((None, *geometry.sides, channels))
    kernel = np.asarray(convolution.kernel)
    matrix = np.zeros((*geometry.sides, channels, *geometry.positions, convolution.filters), kernel.dtype)
    for tap in np.ndindex(*geometry.kernel_size):
        # Pairs of a pixel and a window whose tap covers it, per axis; the pairs of all axes form a grid.
        pairs = [np.nonzero(taps == at) for taps, at in zip(geometry.taps, tap, strict=True)]
        pixels, windows = (np.ix_(*ends) for ends in zip(*pairs, strict=True))
        matrix[(*pixels, slice(None), *windows, slice(None))] = kernel[tap]
    weights = [matrix.reshape(layer.kernel.shape)]
    if convolution.use_bias:
        weights.append(np.tile(np.asarray(convolution.bias), np.prod(geometry.positions)))
    layer.set_weights(weights)
    return layer


def _geometry(convolution: keras.layers.Layer) -> tuple[Geometry, int]:
    """The windows of a built convolution and the number of its input channels."""
    if not isinstance(convolution, keras.layers.Conv1D | keras.layers.Conv2D):
        raise ValueError(f"Only Conv1D and Conv2D can be unrolled. Received: {type(convolution).__name__}.")
    for name, rule, kept in (
        ("groups", "1", convolution.groups == 1),
        ("dilation_rate", "1", set(convolution.dilation_rate) == {1}),
        ("padding", '"valid" or "same"', convolution.padding in ("valid", "same")),
        ("data_format", '"channels_last"', convolution.data_format == "channels_last"),
    ):
        if not kept:
            raise ValueError(
                f"`{name}` of layer '{convolution.name}' must be {rule} for it to be unrolled. "
                f"Received {name}={getattr(convolution, name)!r}."
            )
    if not convolution.built:
        raise ValueError(f"Layer '{convolution.name}' must be built: call it on an input first.")
    _, *sides, channels = convolution.get_build_config()["input_shape"]
    if None in sides:
        raise ValueError(
            f"The input of layer '{convolution.name}' must have a fixed size for it to be unrolled. "
            f"Received sides={tuple(sides)}."
        )
    return Geometry(tuple(sides), convolution.kernel_size, convolution.strides, convolution.padding), channels


def _arguments(convolution: keras.layers.Layer, geometry: Geometry) -> dict[str, Any]:
    return {
        "filters": convolution.filters,
        "kernel_size": geometry.kernel_size,
        "strides": geometry.strides,
        "padding": geometry.padding,
        "activation": convolution.activation,
        "use_bias": convolution.use_bias,
        "name": convolution.name,
        "dtype": convolution.dtype_policy,
    }
