"""Optimizer, schedule and loss by name, as a Keras model wants them."""

import inspect
from collections.abc import Mapping
from typing import Any

import keras

from pipeline.errors import UserError, unknown


def compile_model(model: keras.Model, optimizer: keras.optimizers.Optimizer) -> None:
    """Compile with the cross-entropy that fits each output: binary for one sigmoid, categorical for a softmax.

    The losses of several outputs are added.
    """
    metrics = keras.metrics
    binary = [output.shape[-1] == 1 for output in model.outputs]
    accuracies = [metrics.BinaryAccuracy if two else metrics.SparseCategoricalAccuracy for two in binary]
    # What Keras calls the loss of one output of several counts a smaller last batch as much as a whole one.
    entropies = [metrics.BinaryCrossentropy if two else metrics.SparseCategoricalCrossentropy for two in binary]
    model.compile(
        optimizer=optimizer,
        loss=["binary_crossentropy" if two else "sparse_categorical_crossentropy" for two in binary],
        metrics=[
            [accuracy(name="accuracy"), *([entropy(name="cross_entropy")] if len(binary) > 1 else [])]
            for accuracy, entropy in zip(accuracies, entropies, strict=True)
        ],
    )
    # Now, and not as `fit` traces: some optimizers start from the weights as they are.
    optimizer.build(model.trainable_variables)


def make_optimizer(
    name: str,
    learning_rate: float,
    options: Mapping[str, Any],
    *,
    schedule: tuple[str, Mapping[str, Any]] | None,
    steps: int,
) -> keras.optimizers.Optimizer:
    """An optimizer of `keras.optimizers`; `steps` is the length of the whole training in batches.

    Raises:
        UserError: no such optimizer, schedule or option, or a value that Keras refuses.
    """
    if options.get("use_ema"):
        raise UserError(
            "`optimizer.options.use_ema` would exchange the weights once training ends, but which are kept says "
            "`training.keep`: leave it out."
        )
    rate: Any = learning_rate
    if schedule is not None:
        rate = _schedule(schedule[0], learning_rate, schedule[1], steps)
    kinds = {
        kind: made
        for kind, made in _classes(keras.optimizers, keras.optimizers.Optimizer).items()
        # The others wrap an optimizer.
        if "learning_rate" in inspect.signature(made).parameters
    }
    if name not in kinds:
        raise unknown("optimizer", name, kinds)
    return _made(kinds[name], f"optimizer {name}", options, {"learning_rate": rate})


def _schedule(name: str, learning_rate: float, options: Mapping[str, Any], steps: int) -> Any:
    kinds = _classes(keras.optimizers.schedules, keras.optimizers.schedules.LearningRateSchedule)
    if name not in kinds:
        raise unknown("schedule", name, kinds)
    accepted = inspect.signature(kinds[name]).parameters
    given = dict(options)
    if "decay_steps" in accepted and given.get("decay_steps") is None:
        given["decay_steps"] = steps
    rate = {"initial_learning_rate": learning_rate} if "initial_learning_rate" in accepted else {}
    return _made(kinds[name], f"schedule {name}", given, rate)


def _classes(module: Any, base: type) -> dict[str, Any]:
    found = {name: getattr(module, name) for name in dir(module)}
    kinds = {name: kind for name, kind in found.items() if inspect.isclass(kind) and issubclass(kind, base)}
    return {name: kind for name, kind in kinds.items() if kind is not base}


def _made(kind: Any, called: str, options: Mapping[str, Any], rate: Mapping[str, Any]) -> Any:
    """`rate` is ours to give, so that an option cannot overrule the setting that names it."""
    given = {name: value for name, value in options.items() if value is not None}
    parameters = inspect.signature(kind).parameters
    accepted = [name for name in parameters if name not in ("self", "kwargs", *rate)]
    for name, value in given.items():
        if name not in accepted:
            raise UserError(
                f"{unknown(f'option of {called}', name, accepted)} To leave out what a file of conf/ sets: {name}=null."
            )
        wanted = _wanted(parameters[name].default, value)
        if wanted:
            raise UserError(f"Option '{name}' of {called} must be {wanted}. Received {value!r}.")
    for name in accepted:
        if parameters[name].default is inspect.Parameter.empty and name not in given:
            raise UserError(f"Option '{name}' of {called} is missing and has no default: set it.")
    try:
        return kind(**given, **rate)
    except (ValueError, TypeError) as problem:
        raise UserError(f"Keras refuses the options {given} of {called}: {' '.join(str(problem).split())}") from None


def _wanted(default: Any, value: Any) -> str | None:
    """What a value must be where it is of another type than the default; Keras finds that out as it trains."""
    if isinstance(default, bool):
        return None if isinstance(value, bool) else "true or false"
    if isinstance(default, str):
        return None if isinstance(value, str) else "a string"
    return "a number, or a list of them" if isinstance(value, str | bool) else None
