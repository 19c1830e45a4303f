"""A network without weights: its JSON and its layer table, counted by arithmetic and checked with Keras."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pipeline.arithmetic.table import LayerRow, Totals, layer_table, totals
from pipeline.config.schema import ModelConfig
from pipeline.errors import UserError
from pipeline.networks.build import build, check_architecture, resolved_options
from pipeline.networks.check import check, measure_with
from pipeline.training.examples import Columns
from pipeline.training.runtime import start_tensorflow

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Network:
    """The JSON of a Keras model and one row per use of a layer."""

    architecture: str
    rows: tuple[LayerRow, ...]
    started: "keras.Model | None" = None
    """The model itself if it has pretrained weights, None if training starts from random ones."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """All options of the architecture, defaults included."""

    @cached_property
    def totals(self) -> Totals:
        """Sums over all layers, for one image."""
        return totals(self.rows)

    @property
    def parameters(self) -> int:
        """Number of parameters, moving statistics included."""
        return self.totals.parameters

    @property
    def multiply_accumulates(self) -> int:
        """Multiply–accumulates for one image; a lower bound if there are layers without a rule."""
        return self.totals.multiply_accumulates

    @property
    def receptive_field(self) -> tuple[int, ...] | None:
        """Receptive field of a unit of the last feature map, in input pixels along each axis; None if undefined."""
        maps = [row for row in self.rows if row.kind != "InputLayer" and _is_map(row)]
        return maps[-1].receptive_field if maps else None

    def summary(self, architecture: str) -> dict[str, Any]:
        """The content of the layer table's file (`layers.json`)."""
        return {
            "architecture": architecture,
            "options": dict(self.options),
            **asdict(self.totals),
            "parameter_bytes": self.totals.parameter_bytes,
            "activation_bytes": self.totals.activation_bytes,
            "largest_activation_bytes": self.totals.largest_activation_bytes,
            "receptive_field": self.receptive_field,
            "layers": [asdict(row) for row in self.rows],
        }


def make_network(model: ModelConfig, manifest: Mapping[str, Any]) -> Network:
    """Build a model for the prepared images of a manifest.

    An option `weights` of an architecture names a file of pretrained weights.

    Raises:
        UserError: The architecture cannot be built (see `build`), or Keras cannot save, load or train it.
        RuntimeError: Arithmetic and Keras disagree on a layer, which is an error of this project.
    """
    check_architecture(model.architecture)
    start_tensorflow()
    built = build(
        model.architecture,
        model.options,
        input_shape=tuple(manifest["image_shape"]),
        classes=len(manifest["classes"]),
        subgroups=len(manifest["subgroups"] or ()),
        numbers=len(manifest.get("numbers", ())),
    )
    text = _json_of(built, model.architecture)
    try:
        rows = layer_table(json.loads(text), measure_with(built))
        Columns.of(text)
    except ValueError as problem:
        raise UserError(
            f"Architecture {model.architecture} cannot be trained: {problem} An architecture returns a Functional or "
            'Sequential model from `keras.Input(input_shape, name="image")` to `classifier(classes)`.'
        ) from None
    check(built, rows)
    if not all(row.counted for row in rows):
        _check_loading(text, model.architecture)
    return Network(
        text,
        rows,
        started=built if model.options.get("weights") else None,
        options=resolved_options(model.architecture, model.options),
    )


def _json_of(built: Any, architecture: str) -> str:
    """The JSON of a model, sorted by key. Raises UserError if Keras cannot write it."""
    import keras

    if not isinstance(built, keras.Model):
        raise UserError(f"Architecture {architecture} must return a keras.Model. Received: {type(built).__name__}.")
    try:
        return json.dumps(json.loads(built.to_json()), indent=1, sort_keys=True) + "\n"
    except Exception as problem:
        raise UserError(
            f"Architecture {architecture} cannot be saved by Keras ({_cause(problem)}): add to custom layers "
            "a `get_config` with all arguments of their constructor."
        ) from problem


def _check_loading(text: str, architecture: str) -> None:
    """Raise UserError if Keras cannot load a network from its JSON, as training does."""
    import keras

    try:
        keras.models.model_from_json(text)
    except Exception as problem:
        raise UserError(
            f"Architecture {architecture} cannot be loaded by Keras ({_cause(problem)}): define custom layers at "
            'the top of a module, decorated with `@keras.saving.register_keras_serializable("convtrack")`, with a '
            "`get_config` that has all arguments of their constructor."
        ) from problem


def _cause(problem: Exception) -> str:
    """The innermost message of a Keras error, without the configuration that Keras appends."""
    inner = str(problem).split("Exception encountered:")[-1].split("Full object config")[0]
    return " ".join(inner.split()).rstrip(".")


def _is_map(row: LayerRow) -> bool:
    return row.sees == "window" or any(side > 1 for side in row.output_shape[:-1])
