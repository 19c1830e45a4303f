"""The layer table of a network: shape, parameters, cost and receptive field of every layer, without TensorFlow."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, NamedTuple

from pipeline.arithmetic.nodes import Node, network_nodes
from pipeline.arithmetic.rules.by_class import NoRule, is_operation, rule_of
from pipeline.arithmetic.rules.signals import Effect, Shape, Signal, called
from pipeline.arithmetic.windows import Sight, joined

BYTES = 4
"""Size of one float32 number, in bytes."""


@dataclass(frozen=True)
class LayerRow:
    """One use of a layer: its shape, parameters and cost for one image."""

    name: str
    """Path of the layer, as in `tower/conv1`; from its second use on with the number, as in `conv1 (use 2)`."""
    kind: str
    """Class of the Keras layer."""
    inputs: tuple[str, ...]
    """Names of the rows whose outputs are the inputs of this one."""
    output_shape: tuple[int, ...]
    """(rows, columns, channels) or (units,), without the batch axis; signals have one spatial axis, volumes three."""
    parameters: int
    """Stored numbers, moving statistics included, as `model.count_params()` counts them; 0 from the second use on."""
    connections: int | None
    """Links between its units and their inputs, biases included (see `rules.signals`); None if there is no rule."""
    multiply_accumulates: int | None
    """Multiply–accumulates with weights for one image (see `rules.signals`); None if there is no rule."""
    activations: int
    """Output numbers for one image."""
    sees: Sight
    """What a unit depends on: a sliding window, the whole image, an undefined part of it, or nothing."""
    receptive_field: tuple[int, ...] | None
    """Size of the receptive field along each axis in input pixels. It includes padding and may exceed the image.

    Where several paths lead to a layer, the widest counts. After flattening, dense layers and global pooling it is the
    whole image. None where it is undefined (see `View`) and for layers that do not depend on an image.
    """
    stride: tuple[int, ...] | None
    """Effective stride: input pixels between the fields of neighbouring units; None without a sliding window."""
    padding: tuple[int, ...] | None
    """Effective padding: pixels before the image at which the first field begins; None without a sliding window."""
    use: int = 1
    """Number of the use, from 1."""
    input_outputs: tuple[int, ...] = ()
    """For each input, the index of the output that it comes from; empty if all are 0."""

    @property
    def counted(self) -> bool:
        """Whether a rule counts the layer; otherwise shape and parameters come from Keras, and the cost is unknown."""
        return self.multiply_accumulates is not None


@dataclass(frozen=True)
class Totals:
    """Sums over the layers of a network, for one image (see `LayerRow`).

    With `uncounted` layers, `connections` and `multiply_accumulates` are lower bounds.
    """

    parameters: int
    connections: int
    multiply_accumulates: int
    activations: int
    """Output numbers of all layers, the images included."""
    largest_activations: int
    """Largest number of values in memory at once when the layers run one after the other in the order of the rows.

    These are a layer's inputs, its output, and the outputs that later layers still need. In a chain of layers this is
    the largest sum of a layer's input and output. No layer works in place.
    """
    uncounted: tuple[str, ...] = ()
    """Names of the layers without a rule."""

    @property
    def parameter_bytes(self) -> int:
        """Size of the parameters in float32."""
        return BYTES * self.parameters

    @property
    def activation_bytes(self) -> int:
        """Size of all activations of one image in float32, which training keeps."""
        return BYTES * self.activations

    @property
    def largest_activation_bytes(self) -> int:
        """Size in float32 of the largest number of activations in memory at once, for one image."""
        return BYTES * self.largest_activations


class Measured(NamedTuple):
    """The properties of a layer without a rule, as measured with Keras."""

    shapes: tuple[Shape, ...]
    """Shape of each output, without the batch axis."""
    parameters: int


Measure = Callable[[Node, Sequence[Shape]], Measured]
"""A function that measures a layer for inputs of these shapes."""


def layer_table(architecture: Mapping[str, Any], measure: Measure | None = None) -> tuple[LayerRow, ...]:
    """The rows of a network in topological order, from the dict of its `model.to_json()`.

    Several input images are treated as overlaid pixel by pixel. `measure` supplies shape and parameters of layers
    without a rule; their cost and receptive field are unknown. Without `measure` such a layer raises `NoRule`.

    Raises ValueError with the name of the layer: `Misfit` for a layer that does not fit its input, `NoRule`, and for
    channels-first data.
    """
    signals: dict[str, list[Signal]] = {}
    rows = []
    for node in network_nodes(architecture):
        if node.config.get("data_format") == "channels_first":
            raise ValueError(f'{called(node)} must have data_format="channels_last".')
        taken = node.input_outputs or (0,) * len(node.inputs)
        inputs = [signals[name][output] for name, output in zip(node.inputs, taken, strict=True)]
        effect, outputs = _counted(node, inputs, measure)
        signals[node.name] = outputs
        view = outputs[0].view
        slides = view.sight == "window"
        rows.append(
            LayerRow(
                name=node.name,
                kind=node.class_name,
                inputs=node.inputs,
                output_shape=outputs[0].shape,
                parameters=effect.parameters if node.use == 1 else 0,
                connections=effect.connections,
                multiply_accumulates=effect.multiply_accumulates,
                activations=sum(prod(output.shape) for output in outputs),
                sees=view.sight,
                receptive_field=_receptive_field(outputs[0]),
                stride=tuple(window.stride for window in view.windows) if slides else None,
                padding=tuple(window.padding for window in view.windows) if slides else None,
                use=node.use,
                input_outputs=node.input_outputs,
            )
        )
    return tuple(rows)


def totals(rows: Sequence[LayerRow]) -> Totals:
    """The sums over the rows of a network, or of a part of one."""
    return Totals(
        parameters=sum(row.parameters for row in rows),
        connections=sum(row.connections or 0 for row in rows),
        multiply_accumulates=sum(row.multiply_accumulates or 0 for row in rows),
        activations=sum(row.activations for row in rows),
        largest_activations=_largest_held(rows),
        uncounted=tuple(row.name for row in rows if not row.counted),
    )


def _counted(node: Node, inputs: Sequence[Signal], measure: Measure | None) -> tuple[Effect, list[Signal]]:
    """The effect of a layer and its outputs: by its rule, otherwise as measured."""
    effect = None
    try:
        effect = rule_of(node)(node, inputs)
    except NoRule:
        if measure is None:
            raise
    # A function of tensors may broadcast against a constant, which is not one of the `inputs` that its rule receives.
    if measure is None or (effect is not None and not is_operation(node)):
        assert effect is not None
        return effect, [effect.output]
    measured = measure(node, [signal.shape for signal in inputs])
    if effect is not None and (effect.output.shape,) == measured.shapes:
        return effect, [effect.output]
    view = joined([signal.view for signal in inputs]).undefined()
    outputs = [Signal(shape, view) for shape in measured.shapes]
    return Effect(outputs[0], measured.parameters, connections=None, multiply_accumulates=None), outputs


def _receptive_field(signal: Signal) -> tuple[int, ...] | None:
    if signal.view.sight == "image":
        return signal.view.image
    return tuple(window.side for window in signal.view.windows) or None


def _largest_held(rows: Sequence[LayerRow]) -> int:
    """Most activations in memory at once: each from the layer that computes it to the last layer that reads it."""
    last = {source: place for place, row in enumerate(rows) for source in row.inputs}
    size = {row.name: row.activations for row in rows}
    held = largest = 0
    for place, row in enumerate(rows):
        held += row.activations
        largest = max(largest, held)
        held -= sum(size[source] for source in set(row.inputs) if source in size and last[source] == place)
    return largest
