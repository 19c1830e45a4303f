"""Compare a layer table with Keras, and measure layers for which arithmetic has no rule."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pipeline.arithmetic.nodes import Node
from pipeline.arithmetic.rules.signals import Shape
from pipeline.arithmetic.table import LayerRow, Measure, Measured, totals

if TYPE_CHECKING:
    import keras


def measure_with(model: "keras.Model") -> Measure:
    """A function that measures any layer of a model with Keras.

    It raises ValueError for a layer whose output size depends on the values of its input.
    """

    def measure(node: Node, inputs: Sequence[Shape]) -> Measured:
        operation = _operation(model, node.name, node.use)
        shapes = _output_shapes(operation, inputs, node.use)
        if any(side is None for shape in shapes for side in shape):
            raise ValueError(f"The output shape of layer '{node.name}' must be fixed. Received: {shapes[0]}.")
        return Measured(shapes, _parameters(operation))

    return measure


def check(model: "keras.Model", rows: Sequence[LayerRow]) -> None:
    """Compare every row with the output shape and the parameters that Keras computes.

    Raises RuntimeError with the name of the layer if they differ.
    """
    shapes: dict[str, tuple[Shape, ...]] = {}
    for row in rows:
        if row.kind == "InputLayer":
            shapes[row.name] = (row.output_shape,)
            continue
        operation = _operation(model, row.name, row.use)
        taken = row.input_outputs or (0,) * len(row.inputs)
        inputs = [shapes[name][output] for name, output in zip(row.inputs, taken, strict=True)]
        shapes[row.name] = _output_shapes(operation, inputs, row.use)
        found = shapes[row.name][0], _parameters(operation) if row.use == 1 else 0
        if found != (row.output_shape, row.parameters):
            raise RuntimeError(
                f"Layer '{row.name}' has shape and parameters {found} in Keras, but by arithmetic "
                f"{(row.output_shape, row.parameters)}."
            )
    total = totals(rows)
    # Layers without a rule may share weights, which are then counted once for each of them.
    if total.parameters != model.count_params() and not total.uncounted:
        raise RuntimeError(
            f"The network has {model.count_params()} parameters in Keras, but {total.parameters} by arithmetic."
        )


def _operation(model: Any, name: str, use: int) -> Any:
    """The Keras layer or `keras.ops` function of a row, by its path in the model."""
    found = model
    for part in name.removesuffix(f" (use {use})").split("/"):
        # A Sequential model that has not been called yet lists its layers only; it contains no functions.
        known = found.layers if type(found).__name__ == "Sequential" else found.operations
        found = next(operation for operation in known if operation.name == part)
    return found


def _parameters(operation: Any) -> int:
    return int(operation.count_params()) if hasattr(operation, "count_params") else 0


def _output_shapes(operation: Any, inputs: Sequence[Shape], use: int) -> tuple[Shape, ...]:
    """The output shapes, without the batch axis, that Keras computes for inputs of these shapes."""
    import keras

    # A call is repeated with all of its arguments: a function's constants and a layer's keywords count as well.
    calls = [call for call in operation._inbound_nodes if len(call.arguments.keras_tensors) == len(inputs)]
    if calls:
        arguments = calls[min(use, len(calls)) - 1].arguments
        tensors = {
            id(tensor): keras.KerasTensor((None, *shape), dtype=tensor.dtype)
            for tensor, shape in zip(arguments.keras_tensors, inputs, strict=True)
        }
        args, kwargs = arguments.fill_in(tensors)
    else:
        alone = [keras.KerasTensor((None, *shape)) for shape in inputs]
        args, kwargs = (alone[0] if len(alone) == 1 else alone,), {}
    outputs = keras.tree.flatten(operation.compute_output_spec(*args, **kwargs))
    return tuple(tuple(output.shape[1:]) for output in outputs)
