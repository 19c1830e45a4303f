"""A network as it is written down: its JSON and its layers in numbers, counted by arithmetic and checked by Keras."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pipeline.arithmetic.table import LayerRow, Totals, layer_table, totals
from pipeline.config.schema import ModelConfig
from pipeline.errors import UserError
from pipeline.networks.build import build
from pipeline.training.examples import Columns
from pipeline.training.runtime import start_tensorflow

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Network:
    """A network without weights: Keras' JSON text, and one row per use of a layer."""

    architecture: str
    rows: tuple[LayerRow, ...]
    started: "keras.Model | None" = None
    """The network itself where it holds weights to start from, instead of random ones."""

    @cached_property
    def totals(self) -> Totals:
        """Parameters, connections, multiply–accumulates, activations and bytes, for one image going forward."""
        return totals(self.rows)

    @property
    def parameters(self) -> int:
        """Number of parameters, the moving statistics of batch normalisation included."""
        return self.totals.parameters

    @property
    def multiply_accumulates(self) -> int:
        """Multiply–accumulates of one image going forward."""
        return self.totals.multiply_accumulates

    @property
    def receptive_field(self) -> tuple[int, ...] | None:
        """Pixels of the input, along each axis, that a unit of the last feature map sees; None where there is none."""
        maps = [row for row in self.rows if row.kind != "InputLayer" and _is_map(row)]
        return maps[-1].receptive_field if maps else None

    def summary(self, architecture: str) -> dict[str, Any]:
        """What the layer table's file holds."""
        return {
            "architecture": architecture,
            **asdict(self.totals),
            "parameter_bytes": self.totals.parameter_bytes,
            "activation_bytes": self.totals.activation_bytes,
            "largest_activation_bytes": self.totals.largest_activation_bytes,
            "receptive_field": self.receptive_field,
            "layers": [asdict(row) for row in self.rows],
        }


def make_network(model: ModelConfig, manifest: Mapping[str, Any]) -> Network:
    """Build a model for prepared images, given their manifest.

    An architecture's option `weights`, where it has one, names a file of weights to start from.

    Raises:
        UserError: an unknown architecture or option, or images too small for it.
        RuntimeError: arithmetic and Keras disagree on a layer; this is a fault of ours.
    """
    start_tensorflow()
    built = build(
        model.architecture,
        model.options,
        input_shape=tuple(manifest["image_shape"]),
        classes=len(manifest["classes"]),
        subgroups=len(manifest["subgroups"] or ()),
    )
    text = json.dumps(json.loads(built.to_json()), indent=1, sort_keys=True) + "\n"
    try:
        Columns.of(text)
    except ValueError as problem:
        raise UserError(
            f"Architecture {model.architecture} cannot be trained with layers of these names, as "
            f'`keras.Input(input_shape, name="image")` and `classifier(classes)` would give them: {problem}'
        ) from None
    rows = layer_table(json.loads(text))
    check(built, rows)
    return Network(text, rows, started=built if model.options.get("weights") else None)


def check(model: "keras.Model", rows: tuple[LayerRow, ...]) -> None:
    """Hold the rows against the shape that Keras finds for every use of a layer, and against its parameters.

    Raises RuntimeError, naming the layer, where they disagree.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    for row in rows:
        if row.kind == "InputLayer":
            shapes[row.name] = row.output_shape
            continue
        layer = _operation(model, row)
        shapes[row.name] = _shape(layer, [shapes[name] for name in row.inputs])
        stored = layer.count_params() if row.use == 1 and hasattr(layer, "count_params") else 0
        if (shapes[row.name], stored) != (row.output_shape, row.parameters):
            raise RuntimeError(
                f"Layer '{row.name}' has shape and parameters {(shapes[row.name], stored)} in Keras, but by arithmetic "
                f"{(row.output_shape, row.parameters)}."
            )
    counted = totals(rows).parameters
    if counted != model.count_params():
        raise RuntimeError(f"The network has {model.count_params()} parameters in Keras, but {counted} by arithmetic.")


def _operation(model: Any, row: LayerRow) -> Any:
    """The Keras layer, or function of tensors, of a row."""
    found = model
    for name in row.name.removesuffix(f" (use {row.use})").split("/"):
        # A Sequential model that has not been called yet knows layers only; functions of tensors are no layers.
        known = found.layers if type(found).__name__ == "Sequential" else found.operations
        found = next(operation for operation in known if operation.name == name)
    return found


def _shape(layer: Any, inputs: list[tuple[int, ...]]) -> tuple[int, ...]:
    """The shape, without batch axis, that Keras says a layer makes of inputs of these shapes."""
    import keras

    tensors = [keras.KerasTensor((None, *shape)) for shape in inputs]
    if not isinstance(layer, keras.layers.Layer):
        # Its arguments that are no tensors stand in the network alone, and it is applied once.
        return tuple(layer.output.shape[1:])
    result = layer.compute_output_spec(tensors[0] if len(tensors) == 1 else tensors)
    return tuple(result.shape[1:])


def _is_map(row: LayerRow) -> bool:
    return row.sees == "window" or any(side > 1 for side in row.output_shape[:-1])
