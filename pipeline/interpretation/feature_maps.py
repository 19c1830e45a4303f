"""The feature maps of a network, block by block.

A block is a layer with kernels, or several branches with kernels that join again, such as a residual block. It includes
the normalisation and the activation that follow, and ends before the next kernels and before the maps change their
size. So the maps of a block are those that pooling or the next block reads.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
from numpy.typing import NDArray

MOST_BLOCKS = 12


class Blocks(NamedTuple):
    """The blocks of a network, from near the image to near the output."""

    names: tuple[str, ...]  # of the layer with kernels, or of the layer that joins the branches
    network: keras.Model  # from images to the maps (n, rows, columns, maps) of each block; a list if there are several

    def maps(self, images: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """The maps of each block for standardised images (n, height, width, channels), computed as in a prediction."""
        outputs = self.network(images, training=False)
        return [np.asarray(maps) for maps in (outputs if isinstance(outputs, list) else [outputs])]


def block_outputs(network: keras.Model, *, most: int = MOST_BLOCKS) -> Blocks | None:
    """The blocks of a network as another network that shares its layers; None if it has no maps.

    Only maps with more than one position that depend on the input `image` alone are considered, or on the only input.
    If there are more than `most` blocks, `most` of them are chosen at equal distances, with the first and the last.
    """
    image = next((tensor for tensor in network.inputs if tensor.name == "image"), network.inputs[0])
    found = list(_blocks(_cuts(network, image)))
    if not found:
        return None
    chosen = np.unique(np.linspace(0, len(found) - 1, min(most, len(found))).round().astype(int))
    names, outputs = zip(*(found[index] for index in chosen), strict=True)
    return Blocks(names, keras.Model(image, list(outputs)))


class _Cut(NamedTuple):
    """A tensor through which all paths from the image to the outputs pass, and the layers since the one before."""

    output: Any
    layers: Sequence[keras.layers.Layer]

    @property
    def sides(self) -> tuple[int, ...] | None:
        """Rows and columns, or None if the tensor has no maps with more than one position."""
        shape = self.output.shape
        return shape[1:3] if len(shape) == 4 and shape[1] * shape[2] > 1 else None

    @property
    def kernels(self) -> list[keras.layers.Layer]:
        """The layers with kernels. Operations such as a sum of tensors are no layers and have no weights."""
        return [
            layer for layer in self.layers if any("kernel" in weight.path for weight in getattr(layer, "weights", ()))
        ]


def _blocks(cuts: Sequence[_Cut]) -> Iterator[tuple[str, Any]]:
    """Name and output of each block."""
    starts = [place for place, cut in enumerate(cuts) if cut.kernels]
    for place, following in zip(starts, [*starts[1:], len(cuts)], strict=True):
        first = cuts[place]
        if first.sides is not None:
            last = [cut for cut in cuts[place:following] if cut.sides == first.sides][-1]
            named = first.kernels[0] if len(first.kernels) == 1 else first.layers[-1]
            yield named.name, last.output


def _cuts(network: keras.Model, image: Any) -> list[_Cut]:
    """The cuts in the order in which they are computed.

    In any topological order, all paths pass through a tensor if no earlier tensor is read after it.
    """
    order = _from_image(network, image)
    place = {id(node.output): number for number, node in enumerate(order)}
    last_read = [0] * len(order)
    for number, node in enumerate(order):
        for tensor in node.inputs:
            if id(tensor) in place:
                last_read[place[id(tensor)]] = number
    cuts, layers, reach = [], [], 0
    for number, node in enumerate(order):
        layers.append(node.layer)
        if reach <= number and node.only_image:
            cuts.append(_Cut(node.output, layers))
            layers = []
        reach = max(reach, last_read[number])
    return cuts


class _Node(NamedTuple):
    layer: keras.layers.Layer
    inputs: Sequence[Any]
    output: Any
    only_image: bool


def _from_image(network: keras.Model, image: Any) -> list[_Node]:
    """The calls of layers that depend on the image, in a topological order; the first is the input itself."""
    found: dict[int, _Node | None] = {}
    # Not recursive, because networks are deeper than Python's limit.
    waiting = list(network.outputs)
    while waiting:
        tensor = waiting[-1]
        history = tensor._keras_history
        inputs = history.operation._inbound_nodes[history.node_index].input_tensors
        missing = [one for one in inputs if id(one) not in found]
        if id(tensor) in found or missing:
            waiting = waiting[:-1] if id(tensor) in found else [*waiting, *missing]
            continue
        before = [found[id(one)] for one in inputs]
        only_image = all(node is not None and node.only_image for node in before)
        depends = tensor is image or any(before)
        found[id(tensor)] = _Node(history.operation, inputs, tensor, only_image) if depends else None
        waiting.pop()
    return [node for node in found.values() if node is not None]
