"""Grad-CAM (Selvaraju et al. 2017): where the last maps of a network increase the score of a class.

Each map of the last layer with spatial extent is weighted by the mean gradient of the class's score with respect to it
(equation 1). The score is that before softmax or sigmoid, because the gradient of a probability near 1 vanishes. The
map is the positive part of the weighted sum (equation 2), enlarged to the size of the picture.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from pipeline.errors import UserError


def grad_cam(network: keras.Model, pixels: NDArray[np.generic], label: int) -> NDArray[np.float32]:
    """The map of a class, shape (height, width), not negative.

    A network that averages several networks has the mean of their maps.

    Args:
        network: from one picture to probabilities of classes, or to that of the second of two classes.
        pixels: one picture as the network takes it, shape (height, width, channels).
        label: index of the class.

    Raises:
        UserError: no layer with weights keeps the places of the picture, as in a fully connected network.
    """
    layers = _last_spatial_layers(network)
    if not layers:
        raise UserError(
            f"Network '{network.name}' has no layer with weights whose output has more than one row or column, which "
            "Grad-CAM needs. Use occlusion, which needs no layer."
        )
    maps: list[Any] = []
    with tf.GradientTape() as tape, ExitStack() as stack:
        for layer in layers:
            stack.enter_context(_observed(layer, tape, maps))
        for layer in _output_layers(network):
            stack.enter_context(_without_activation(layer))
        scores = network(np.asarray(pixels, np.float32)[np.newaxis], training=False)
        score = scores[0, label] if scores.shape[-1] > 1 else scores[0, 0] * (1 if label else -1)
    gradients = tape.gradient(score, maps)
    height, width = pixels.shape[:2]
    summed = [
        _enlarged(
            tf.nn.relu(tf.reduce_sum(tf.reduce_mean(gradient, (1, 2), keepdims=True) * values, axis=3)), height, width
        )
        for values, gradient in zip(maps, gradients, strict=True)
    ]
    total: NDArray[np.float32] = np.sum(summed, axis=0, dtype=np.float32)
    return total


def _enlarged(values: Any, height: int, width: int) -> NDArray[np.float32]:
    return np.asarray(tf.image.resize(values[..., tf.newaxis], (height, width)))[0, ..., 0]


def _last_spatial_layers(network: keras.Model) -> list[keras.layers.Layer]:
    """The last layer with spatial extent at or after the first layer with weights, of each network inside a network."""
    last: list[keras.layers.Layer] = []
    weights = False
    inner = [layer for layer in network.layers if isinstance(layer, keras.Model)]
    for layer in network.layers:
        weights = weights or bool(layer.weights)
        if isinstance(layer, keras.Model):
            last = [found for one in inner for found in _last_spatial_layers(one)] or last
        elif weights and _is_spatial(layer):
            last = [layer]
    return last


def _is_spatial(layer: keras.layers.Layer) -> bool:
    if isinstance(layer, keras.layers.ZeroPadding2D):  # It is in one branch of a residual block only.
        return False
    shape: tuple[int, ...] = getattr(layer.output, "shape", ())
    return len(shape) == 4 and shape[1] * shape[2] > 1


def _output_layers(network: keras.Model) -> list[keras.layers.Layer]:
    """The last layer with weights of a network, and of each network inside it, if it has an activation."""
    weighted = [layer for layer in network.layers if layer.weights]
    if not weighted:
        return []
    if isinstance(weighted[-1], keras.Model):
        return [found for layer in weighted if isinstance(layer, keras.Model) for found in _output_layers(layer)]
    return [weighted[-1]] if hasattr(weighted[-1], "activation") else []


@contextmanager
def _observed(layer: keras.layers.Layer, tape: tf.GradientTape, outputs: list[Any]) -> Iterator[None]:
    """Record the output of a layer, and let the tape compute gradients with respect to it."""

    def call(original: Any, *arguments: Any, **options: Any) -> Any:
        output = original(*arguments, **options)
        tape.watch(output)
        outputs.append(output)
        return output

    layer.call = partial(call, layer.call)
    try:
        yield
    finally:
        del layer.call


@contextmanager
def _without_activation(layer: keras.layers.Layer) -> Iterator[None]:
    activation, layer.activation = layer.activation, keras.activations.linear
    try:
        yield
    finally:
        layer.activation = activation
