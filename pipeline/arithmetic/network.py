"""Reading a network from the JSON that Keras 3 writes (`model.to_json()`), without Keras."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Node:
    """One layer of a network, as written; `inputs` names the layers whose outputs it takes, in order."""

    name: str
    class_name: str
    config: Mapping[str, Any]
    inputs: tuple[str, ...]


def network_nodes(architecture: Mapping[str, Any]) -> tuple[Node, ...]:
    """The layers of a Functional or Sequential network, each after those it takes its inputs from.

    Raises ValueError for another kind of model, and for a layer that is applied more than once.

    >>> image = {"class_name": "InputLayer", "config": {"name": "image", "batch_shape": [None, 8, 8, 1]}}
    >>> flat = {"class_name": "Flatten", "config": {"name": "flat"}}
    >>> [node.inputs for node in network_nodes({"class_name": "Sequential", "config": {"layers": [image, flat]}})]
    [(), ('image',)]
    """
    kind = architecture["class_name"]
    layers = architecture["config"].get("layers")
    if kind == "Sequential":
        return tuple(_chained(layers))
    if kind in {"Functional", "Model"} and layers is not None:
        return tuple(_linked(layers))
    raise ValueError(f"A network must be Functional or Sequential to be read from its JSON. Received: {kind}.")


def _chained(layers: list[Mapping[str, Any]]) -> Iterator[Node]:
    previous: tuple[str, ...] = ()
    for layer in layers:
        name = layer["config"]["name"]
        yield Node(name, layer["class_name"], layer["config"], previous)
        previous = (name,)


def _linked(layers: list[Mapping[str, Any]]) -> Iterator[Node]:
    for layer in layers:
        name, calls = layer["name"], layer["inbound_nodes"]
        if len(calls) > 1:
            raise ValueError(
                f"Layer '{name}' ({layer['class_name']}) must be applied once. Received: {len(calls)} calls."
            )
        inputs = tuple(source for call in calls for source in _sources([call["args"], call["kwargs"]]))
        yield Node(name, layer["class_name"], layer["config"], inputs)


def _sources(value: Any) -> Iterator[str]:
    """Names of the layers whose outputs occur anywhere among the arguments of a call."""
    if isinstance(value, Mapping):
        if value.get("class_name") == "__keras_tensor__":
            yield value["config"]["keras_history"][0]
            return
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _sources(item)
