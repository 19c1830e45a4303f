"""Reading a network from the JSON that Keras 3 writes (`model.to_json()`), without Keras.

Models inside a model are opened: their layers bear the path to them, as in `tower/conv1`. A layer that is applied more
than once, alone or with the model it lies in, is one node per use, as in `conv1` and `conv1 (use 2)`.
"""

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Node:
    """One use of a layer, as written."""

    name: str
    """Path of the layer and, from the second on, the use."""
    class_name: str
    config: Mapping[str, Any]
    inputs: tuple[str, ...]
    """Names of the nodes whose outputs it takes, in order."""
    use: int = 1
    """How often its layer has been applied, this time included."""
    module: str = ""
    """Where Keras finds its class; empty for its own layers in short."""
    registered_name: str | None = None
    """`package>class` of a class that Keras does not bring along."""


Call = tuple[str, int]
"""A layer of one model, and which of its calls."""


def network_nodes(architecture: Mapping[str, Any]) -> tuple[Node, ...]:
    """The layers of a Functional or Sequential network, each after those it takes its inputs from.

    Raises ValueError for another kind of model, for one written by Keras 2, and for one that does not state the shape
    of its input.

    >>> image = {"class_name": "InputLayer", "config": {"name": "image", "batch_shape": [None, 8, 8, 1]}}
    >>> flat = {"class_name": "Flatten", "config": {"name": "flat"}}
    >>> [node.inputs for node in network_nodes({"class_name": "Sequential", "config": {"layers": [image, flat]}})]
    [(), ('image',)]
    """
    reader = _Reader()
    reader.read(architecture, scope="", feeds=None)
    return tuple(reader.nodes)


class _Reader:
    """Collects the nodes of a model and of the models inside it."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.uses: Counter[str] = Counter()

    def read(self, model: Mapping[str, Any], *, scope: str, feeds: Sequence[str] | None) -> list[str]:
        """Names of the nodes that put out what the model does; `feeds` are those that it takes in, None outermost."""
        kind, layers = model["class_name"], model["config"].get("layers")
        if (kind != "Sequential" and not _is_functional(model)) or layers is None:
            raise ValueError(f"A network must be Functional or Sequential to be read from its JSON. Received: {kind}.")
        if kind == "Sequential":
            return self._chained(model, layers, scope=scope, feeds=feeds)
        return self._linked(model["config"], scope=scope, feeds=feeds)

    def _chained(
        self,
        model: Mapping[str, Any],
        layers: Sequence[Mapping[str, Any]],
        *,
        scope: str,
        feeds: Sequence[str] | None,
    ) -> list[str]:
        previous = list(feeds or ())
        if feeds is None and (not layers or layers[0]["class_name"] != "InputLayer"):
            shape = model.get("build_config", {}).get("input_shape")
            if shape is None:
                raise ValueError(
                    f"Network '{model['config'].get('name')}' must state the shape of its input: "
                    "let an Input come first, or build it before it is saved."
                )
            previous = [self._add({"class_name": "InputLayer", "config": {"batch_shape": shape}}, "input", [])]
        for layer in layers:
            if layer["class_name"] != "InputLayer" or not previous:
                previous = self._apply(layer, layer["config"]["name"], scope, previous)
        return previous

    def _linked(self, config: Mapping[str, Any], *, scope: str, feeds: Sequence[str] | None) -> list[str]:
        layers = {layer.get("name", layer["config"]["name"]): layer for layer in config["layers"]}
        values: dict[Call, list[str]] = {}
        if feeds is not None:
            values = {
                (name, call): [feed] for (name, call, _), feed in zip(_ends(config["input_layers"]), feeds, strict=True)
            }
        sources = {
            (name, index): _sources(name, call)
            for name, layer in layers.items()
            for index, call in enumerate(layer["inbound_nodes"] or [{"args": [], "kwargs": {}}])
            if (name, index) not in values
        }
        for name, index in _in_order(sources, values):
            layer = layers[name]
            taken = [values[source, call][output] for source, call, output in sources[name, index]]
            values[name, index] = self._apply(layer, name, scope, taken)
        # Keras counts the calls of a Functional model from 1 where it puts out, and from 0 everywhere else.
        return [
            values[name, call - _is_functional(layers[name])][output]
            for name, call, output in _ends(config["output_layers"])
        ]

    def _apply(self, layer: Mapping[str, Any], name: str, scope: str, inputs: Sequence[str]) -> list[str]:
        path = f"{scope}{name}"
        if layer["class_name"] == "Sequential" or _is_functional(layer):
            return self.read(layer, scope=f"{path}/", feeds=inputs)
        return [self._add(layer, path, inputs)]

    def _add(self, layer: Mapping[str, Any], path: str, inputs: Sequence[str]) -> str:
        self.uses[path] += 1
        use = self.uses[path]
        node = Node(
            name=path if use == 1 else f"{path} (use {use})",
            class_name=layer["class_name"],
            config=layer["config"],
            inputs=tuple(inputs),
            use=use,
            module=layer.get("module") or "",
            registered_name=layer.get("registered_name"),
        )
        self.nodes.append(node)
        return node.name


def _is_functional(layer: Mapping[str, Any]) -> bool:
    return layer["class_name"] in ("Functional", "Model") and "layers" in layer["config"]


def _in_order(sources: Mapping[Call, Sequence[tuple[str, int, int]]], given: Mapping[Call, Any]) -> Iterator[Call]:
    """The calls in the order in which they are written, save that each comes after those it takes its inputs from."""
    waiting = {call: {(name, index) for name, index, _ in taken} - given.keys() for call, taken in sources.items()}
    places = {call: place for place, call in enumerate(sources)}
    followers: defaultdict[Call, list[Call]] = defaultdict(list)
    for call, missing in waiting.items():
        for source in missing:
            followers[source].append(call)
    ready = [(places[call], call) for call, missing in waiting.items() if not missing]
    heapq.heapify(ready)
    done = 0
    while ready:
        _, call = heapq.heappop(ready)
        yield call
        done += 1
        for follower in followers[call]:
            waiting[follower].discard(call)
            if not waiting[follower]:
                heapq.heappush(ready, (places[follower], follower))
    if done < len(sources):
        stuck = next(call for call, missing in waiting.items() if missing)
        raise ValueError(f"Layer '{stuck[0]}' must take its inputs from layers of the network before it.")


def _sources(name: str, call: Any) -> list[tuple[str, int, int]]:
    """The tensors that occur anywhere among the arguments of a call: layer, call of it, and which of its outputs."""
    if not isinstance(call, Mapping):
        raise ValueError(f"Layer '{name}' is written as Keras 2 did: load the network with Keras 3 and save it again.")
    return list(_tensors([call["args"], call["kwargs"]]))


def _tensors(value: Any) -> Iterator[tuple[str, int, int]]:
    if isinstance(value, Mapping):
        if value.get("class_name") == "__keras_tensor__":
            name, call, output = value["config"]["keras_history"]
            yield name, call, output
            return
        value = [value[key] for key in sorted(value)]
    if isinstance(value, list):
        for item in value:
            yield from _tensors(item)


def _ends(written: Any) -> list[tuple[str, int, int]]:
    """A model's inputs or outputs in the order of its arguments: one of them, a list, or a mapping sorted by name."""
    if isinstance(written, Mapping):
        return [end for name in sorted(written) for end in _ends(written[name])]
    if written and isinstance(written[0], str):
        name, call, output = written
        return [(name, call, output)]
    return [end for item in written for end in _ends(item)]
