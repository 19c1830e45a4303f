"""Read a network from the JSON that Keras 3 writes (`model.to_json()`), without Keras.

Nested models are expanded: a layer inside one is named by its path, as in `tower/conv1`. A layer that is applied
several times, alone or as part of a nested model, gives one node per use, as in `conv1` and `conv1 (use 2)`.
"""

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Node:
    """One use of a layer, as the JSON describes it."""

    name: str
    """Path of the layer; from the second use on, followed by the number of the use, as in `conv1 (use 2)`."""
    class_name: str
    config: Mapping[str, Any]
    inputs: tuple[str, ...]
    """Names of the nodes whose outputs are the inputs of this one, in order."""
    use: int = 1
    """Number of the use, from 1."""
    module: str = ""
    """Module that defines the class; `keras` or empty for the layers of Keras."""
    registered_name: str | None = None
    """`package>class` of a class that is not part of Keras."""
    input_outputs: tuple[int, ...] = ()
    """For each input, the index of the output that it comes from; empty if all are 0."""


Call = tuple[str, int]
"""Name of a layer and index of one of its calls."""

Output = tuple[str, int]
"""Name of a node and index of one of its outputs."""


def network_nodes(architecture: Mapping[str, Any]) -> tuple[Node, ...]:
    """The layers of a Functional or Sequential network in topological order.

    Raises ValueError for any other kind of model, for JSON written by Keras 2, and for a model without the shape of its
    input.

    >>> image = {"class_name": "InputLayer", "config": {"name": "image", "batch_shape": [None, 8, 8, 1]}}
    >>> flat = {"class_name": "Flatten", "config": {"name": "flat"}}
    >>> [node.inputs for node in network_nodes({"class_name": "Sequential", "config": {"layers": [image, flat]}})]
    [(), ('image',)]
    """
    reader = _Reader()
    reader.read(architecture, scope="", feeds=None)
    return tuple(reader.nodes)


class _Reader:
    """Collect the nodes of a model and of its nested models."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.uses: Counter[str] = Counter()

    def read(self, model: Mapping[str, Any], *, scope: str, feeds: Sequence[Output] | None) -> list[Output]:
        """Add the nodes of a model and return its outputs; `feeds` are its inputs, None for the outermost model."""
        kind, layers = model["class_name"], model["config"].get("layers")
        if (kind != "Sequential" and not _is_functional(model)) or layers is None:
            raise ValueError(f"A network must be a Functional or Sequential model. Received: {kind}.")
        if kind == "Sequential":
            return self._chained(model, layers, scope=scope, feeds=feeds)
        return self._linked(model["config"], scope=scope, feeds=feeds)

    def _chained(
        self,
        model: Mapping[str, Any],
        layers: Sequence[Mapping[str, Any]],
        *,
        scope: str,
        feeds: Sequence[Output] | None,
    ) -> list[Output]:
        previous = list(feeds or ())
        if feeds is None and (not layers or layers[0]["class_name"] != "InputLayer"):
            shape = model.get("build_config", {}).get("input_shape")
            if shape is None:
                raise ValueError(
                    f"Network '{model['config'].get('name')}' must state the shape of its input: "
                    "start it with an Input, or build it before saving."
                )
            previous = [self._add({"class_name": "InputLayer", "config": {"batch_shape": shape}}, "input", [])]
        for layer in layers:
            if layer["class_name"] != "InputLayer" or not previous:
                previous = self._apply(layer, layer["config"]["name"], scope, previous)
        return previous

    def _linked(self, config: Mapping[str, Any], *, scope: str, feeds: Sequence[Output] | None) -> list[Output]:
        layers = {layer.get("name", layer["config"]["name"]): layer for layer in config["layers"]}
        values: dict[Call, list[Output]] = {}
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
            taken = [_output(values[source, call], output) for source, call, output in sources[name, index]]
            values[name, index] = self._apply(layer, name, scope, taken)
        # In `output_layers` Keras counts the calls of a Functional model from 1, everywhere else from 0.
        return [
            _output(values[name, call - _is_functional(layers[name])], output)
            for name, call, output in _ends(config["output_layers"])
        ]

    def _apply(self, layer: Mapping[str, Any], name: str, scope: str, inputs: Sequence[Output]) -> list[Output]:
        path = f"{scope}{name}"
        if layer["class_name"] == "Sequential" or _is_functional(layer):
            return self.read(layer, scope=f"{path}/", feeds=inputs)
        return [self._add(layer, path, inputs)]

    def _add(self, layer: Mapping[str, Any], path: str, inputs: Sequence[Output]) -> Output:
        self.uses[path] += 1
        use = self.uses[path]
        node = Node(
            name=path if use == 1 else f"{path} (use {use})",
            class_name=layer["class_name"],
            config=layer["config"],
            inputs=tuple(source for source, _ in inputs),
            use=use,
            module=layer.get("module") or "",
            registered_name=layer.get("registered_name"),
            input_outputs=tuple(output for _, output in inputs) if any(output for _, output in inputs) else (),
        )
        self.nodes.append(node)
        return node.name, 0


def _output(outputs: Sequence[Output], index: int) -> Output:
    """One output of a call. A nested model lists all of its outputs, a layer only the first."""
    return outputs[index] if index < len(outputs) else (outputs[0][0], index)


def _is_functional(layer: Mapping[str, Any]) -> bool:
    return layer["class_name"] in ("Functional", "Model") and "layers" in layer["config"]


def _in_order(sources: Mapping[Call, Sequence[tuple[str, int, int]]], known: Mapping[Call, Any]) -> Iterator[Call]:
    """The calls in topological order, otherwise in the order of the JSON."""
    waiting = {call: {(name, index) for name, index, _ in taken} - known.keys() for call, taken in sources.items()}
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
        raise ValueError(f"The inputs of layer '{stuck[0]}' must be outputs of earlier layers of the network.")


def _sources(name: str, call: Any) -> list[tuple[str, int, int]]:
    """The tensors among the arguments of a call, each as layer, index of its call and index of its output."""
    if not isinstance(call, Mapping):
        raise ValueError(
            f"Layer '{name}' is in the format of Keras 2: load the network with Keras 3 and save it again."
        )
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
    """A model's inputs or outputs in order: a single one, a list, or a mapping sorted by name."""
    if isinstance(written, Mapping):
        return [end for name in sorted(written) for end in _ends(written[name])]
    if written and isinstance(written[0], str):
        name, call, output = written
        return [(name, call, output)]
    return [end for item in written for end in _ends(item)]
