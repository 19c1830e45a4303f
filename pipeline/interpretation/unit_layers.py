"""The units of a network by depth: those of the maps of each block, of the dense layers, and of the classes.

Units are read before their activation function, because the gradient of a ReLU that is off is zero. Activation
functions increase, so the images that excite a unit most are the same before and after.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from pipeline.interpretation.activation_maximisation import central
from pipeline.interpretation.feature_maps import block_outputs
from pipeline.layers.position_bias import PositionBias
from pipeline.layers.unshared import UnsharedWindows

BLOCKS, DENSE = 6, 2
"""Layers that are shown at most: blocks with maps, and dense layers with the one of the classes."""
TOGETHER = 64
"""Images whose maps are in memory at a time."""
ELEMENTWISE = (
    keras.layers.Activation,
    keras.layers.Dropout,
    keras.layers.ELU,
    keras.layers.LeakyReLU,
    keras.layers.ReLU,
    keras.layers.Softmax,
    keras.layers.SpatialDropout2D,
)


class UnitLayer(NamedTuple):
    """A layer of units."""

    name: str
    """Name that a reader knows: of the block, or of the dense layer."""
    computed_by: str
    """Name of the layer whose output the units are, before the activation function."""
    network: keras.Model
    """From standardised images to the units (n, units), or to maps of them (n, rows, columns, units)."""
    shared: bool
    """Whether all units of a map compute the same at different positions."""
    classes: bool
    """Whether these are the scores of the classes."""

    @property
    def maps(self) -> bool:
        """Whether the units form maps."""
        return len(self.network.output.shape) == 4


class Excitation(NamedTuple):
    """How far images excite the units of a layer.

    values: the largest value of each unit in each image, (images, units).
    places: row and column in the map where it is, (images, units, 2); zeros without maps.
    """

    values: NDArray[np.float32]
    places: NDArray[np.int64]


def unit_layers(network: keras.Model) -> list[UnitLayer]:
    """The layers of a network's units, from near the image to near the output."""
    blocks = block_outputs(network, most=BLOCKS)
    found = [] if blocks is None else list(zip(blocks.names, blocks.network.outputs, strict=True))
    dense = [layer for layer in network.layers if _is_dense(layer)]
    found.extend((layer.name, layer.output) for layer in dense[-DENSE:])
    return [_unit_layer(network, name, output) for name, output in found]


def excitations(layers: Sequence[UnitLayer], images: NDArray[np.float32]) -> list[Excitation]:
    """How far standardised images (n, height, width, channels) excite the units of each layer.

    Units whose maps have separate weights at each position are compared at the one in the middle of the map.
    """
    taps = keras.Model(layers[0].network.inputs[0], [layer.network.output for layer in layers])

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def strongest(some: Any) -> Any:
        outputs = taps(some, training=False)
        return [_strongest(output, layer) for output, layer in zip(_listed(outputs), layers, strict=True)]

    batches = [strongest(tf.constant(images[start : start + TOGETHER])) for start in range(0, len(images), TOGETHER)]
    return [
        Excitation(*(np.concatenate([np.asarray(part) for part in parts]) for parts in zip(*one, strict=True)))
        for one in zip(*batches, strict=True)
    ]


def _is_dense(layer: keras.layers.Layer) -> bool:
    """Whether a layer has a kernel and units without a position."""
    kernel = any("kernel" in weight.path for weight in layer.weights)
    return kernel and len(layer._inbound_nodes) == 1 and len(getattr(layer.output, "shape", ())) == 2


def _unit_layer(network: keras.Model, name: str, output: Any) -> UnitLayer:
    tensor, computed_by = _before_activation(output)
    before = keras.Model(network.inputs[0], tensor)
    shared = not any(isinstance(layer, UnsharedWindows | PositionBias) for layer in before.layers)
    # A dense layer may be reshaped to maps, whose units have nothing in common.
    flat = any(len(getattr(layer.output, "shape", ())) == 2 for layer in before.layers)
    classes = computed_by == _before_activation(network.outputs[0])[1]
    return UnitLayer(name, computed_by, before, shared=shared and not flat, classes=classes)


def _before_activation(tensor: Any) -> tuple[Any, str]:
    """The tensor before the activation functions that produce another one, and the name of the layer that computes it.

    A layer with an activation function of its own is copied without it.
    """
    for layer, inputs in _history(tensor):
        if isinstance(layer, ELEMENTWISE):
            continue
        if layer.__dict__.get("activation") in (None, keras.activations.linear) or len(inputs) > 1:
            return layer.output if len(layer._inbound_nodes) == 1 else tensor, layer.name
        settings = layer.get_config() | {"activation": "linear", "name": f"{layer.name}_linear"}
        copy = type(layer).from_config(settings)
        before = copy(inputs[0])
        copy.set_weights(layer.get_weights())
        return before, layer.name
    raise ValueError(f"`tensor` must be the output of a layer. Received {tensor}.")


def _history(tensor: Any) -> Iterator[tuple[Any, list[Any]]]:
    """The layers that a tensor went through, the last one first, each with its inputs; ends at several inputs."""
    while True:
        history = tensor._keras_history
        inputs = history.operation._inbound_nodes[history.node_index].input_tensors
        yield history.operation, inputs
        if len(inputs) != 1:
            return
        tensor = inputs[0]


def _strongest(output: Any, layer: UnitLayer) -> tuple[Any, Any]:
    """The largest value of each unit, (n, units), and its place in the map, (n, units, 2)."""
    if not (layer.maps and layer.shared):
        values = central(output)
        middle = (output.shape[1] // 2, output.shape[2] // 2) if layer.maps else (0, 0)
        return values, tf.broadcast_to(tf.constant(middle, tf.int64), (*_sizes(values), 2))
    _, rows, columns, units = output.shape
    flat = tf.reshape(output, (-1, rows * columns, units))
    places = tf.argmax(flat, 1)
    return tf.reduce_max(flat, 1), tf.stack([places // columns, places % columns], -1)


def _sizes(values: Any) -> tuple[Any, Any]:
    return tf.shape(values)[0], tf.shape(values)[1]


def _listed(outputs: Any) -> list[Any]:
    return list(outputs) if isinstance(outputs, list | tuple) else [outputs]
