"""A network as it is written down: its JSON and its layers in numbers, counted by arithmetic and checked by Keras."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from pipeline.arithmetic.table import LayerRow, layer_table
from pipeline.building import build
from pipeline.config import ModelConfig
from pipeline.training.runtime import start_tensorflow


@dataclass(frozen=True)
class Network:
    """A network without weights: Keras' JSON text, and one row per layer."""

    architecture: str
    rows: tuple[LayerRow, ...]

    @property
    def parameters(self) -> int:
        """Number of parameters, the moving statistics of batch normalisation included."""
        return sum(row.parameters for row in self.rows)

    @property
    def multiply_accumulates(self) -> int:
        """Multiply–accumulates of one image going forward."""
        return sum(row.multiply_accumulates for row in self.rows)

    @property
    def receptive_field(self) -> tuple[int, int] | None:
        """(height, width) of the input that one unit of the last feature map sees; None where there is none."""
        maps = [row.receptive_field for row in self.rows if row.stride is not None]
        return maps[-1] if len(maps) > 1 else None

    def summary(self, architecture: str) -> dict[str, Any]:
        """What the layer table's file holds."""
        return {
            "architecture": architecture,
            "parameters": self.parameters,
            "multiply_accumulates": self.multiply_accumulates,
            "receptive_field": self.receptive_field,
            "layers": [asdict(row) for row in self.rows],
        }


def make_network(model: ModelConfig, image_shape: tuple[int, int, int], classes: int) -> Network:
    """Build a model for images of shape (height, width, channels) and a number of classes.

    Raises:
        UserError: an unknown architecture or option, or images too small for it.
        RuntimeError: arithmetic and Keras disagree on a layer; this is a fault of ours.
    """
    start_tensorflow()
    built = build(
        model.architecture,
        model.options,
        input_shape=image_shape,
        classes=classes,
    )
    text = json.dumps(json.loads(built.to_json()), indent=1, sort_keys=True) + "\n"
    rows = layer_table(json.loads(text))
    for row in rows:
        layer = built.get_layer(row.name)
        counted = (tuple(layer.output.shape[1:]), layer.count_params())
        if counted != (row.output_shape, row.parameters):
            raise RuntimeError(
                f"Layer '{row.name}' has shape and parameters {counted} in Keras, but by arithmetic "
                f"{(row.output_shape, row.parameters)}."
            )
    return Network(text, rows)
