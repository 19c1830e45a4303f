"""Loss, metrics and optimizer of a Keras model, from the names and options of a configuration."""

import inspect
from collections.abc import Mapping
from functools import partial
from typing import Any

import keras

from pipeline.config.options import check_names
from pipeline.errors import UserError, unknown


def compile_model(model: keras.Model, optimizer: keras.optimizers.Optimizer, *, probabilities: bool = False) -> None:
    """Compile a model with the cross-entropy of each output: binary for one sigmoid, categorical for a softmax.

    The loss is the sum over outputs. Targets are labels (b, 1), or with `probabilities` those of the units (b, units).
    """
    metrics = keras.metrics
    binary = [output.shape[-1] == 1 for output in model.outputs]
    several: Any = (metrics.SparseCategoricalAccuracy, metrics.SparseCategoricalCrossentropy)
    two_classes: Any = (metrics.BinaryAccuracy, metrics.BinaryCrossentropy)
    loss = "sparse_categorical_crossentropy"
    if probabilities:
        shared = partial(metrics.MeanMetricWrapper, shared_accuracy)
        several, two_classes = (shared, metrics.CategoricalCrossentropy), (shared, metrics.BinaryCrossentropy)
        loss = "categorical_crossentropy"
    accuracies, entropies = zip(*(two_classes if two else several for two in binary), strict=True)
    model.compile(
        optimizer=optimizer,
        loss=["binary_crossentropy" if two else loss for two in binary],
        metrics=[
            # With several outputs, Keras' own loss of each output gives a smaller last batch the weight of a full one.
            [accuracy(name="accuracy"), *([entropy(name="cross_entropy")] if len(binary) > 1 else [])]
            for accuracy, entropy in zip(accuracies, entropies, strict=True)
        ],
    )
    # Build it before `fit` traces the training step, because some optimizers copy the initial weights.
    optimizer.build(model.trainable_variables)


def shared_accuracy(truth: Any, predicted: Any) -> Any:
    """The probability in `truth` of each predicted class, (b,): the accuracy if all probabilities are 0 or 1.

    Both have shape (b, units); one unit is the probability of the second of two classes.
    """
    if truth.shape[-1] == 1:
        second = keras.ops.cast(predicted > 0.5, truth.dtype)
        return keras.ops.squeeze(truth * second + (1 - truth) * (1 - second), -1)
    chosen = keras.ops.one_hot(keras.ops.argmax(predicted, -1), truth.shape[-1], dtype=truth.dtype)
    return keras.ops.sum(truth * chosen, -1)


def make_optimizer(
    name: str,
    learning_rate: float,
    options: Mapping[str, Any],
    *,
    schedule: tuple[str, Mapping[str, Any]] | None,
    steps: int,
) -> keras.optimizers.Optimizer:
    """Return an optimizer of `keras.optimizers`; `steps` is the length of the whole training in batches.

    `schedule` is the name and options of a class of `keras.optimizers.schedules`, or None for a constant rate.

    Raises:
        UserError: the optimizer, schedule or option does not exist, or Keras rejects a value.
    """
    if options.get("use_ema"):
        raise UserError(
            "`optimizer.options.use_ema` is not supported: it replaces the weights at the end of the training, but "
            "`training.keep` chooses the weights to keep. Remove it."
        )
    rate: Any = learning_rate
    if schedule is not None:
        rate = _schedule(schedule[0], learning_rate, schedule[1], steps)
    kinds = {
        kind: constructor
        for kind, constructor in _classes(keras.optimizers, keras.optimizers.Optimizer).items()
        # Classes without a learning rate wrap another optimizer.
        if "learning_rate" in inspect.signature(constructor).parameters
    }
    if name not in kinds:
        raise unknown("optimizer", name, kinds)
    return _constructed(kinds[name], f"optimizer {name}", options, {"learning_rate": rate})


def _schedule(name: str, learning_rate: float, options: Mapping[str, Any], steps: int) -> Any:
    kinds = _classes(keras.optimizers.schedules, keras.optimizers.schedules.LearningRateSchedule)
    if name not in kinds:
        raise unknown("schedule", name, kinds)
    accepted = inspect.signature(kinds[name]).parameters
    given = dict(options)
    if "decay_steps" in accepted and given.get("decay_steps") is None:
        given["decay_steps"] = steps
    rate = {"initial_learning_rate": learning_rate} if "initial_learning_rate" in accepted else {}
    return _constructed(kinds[name], f"schedule {name}", given, rate)


def _classes(module: Any, base: type) -> dict[str, Any]:
    found = {name: getattr(module, name) for name in dir(module)}
    kinds = {name: kind for name, kind in found.items() if inspect.isclass(kind) and issubclass(kind, base)}
    return {name: kind for name, kind in kinds.items() if kind is not base}


def _constructed(kind: Any, called: str, options: Mapping[str, Any], rate: Mapping[str, Any]) -> Any:
    """Construct an optimizer or schedule; `rate` cannot be set by an option, because it is a separate setting."""
    given = {name: value for name, value in options.items() if value is not None}
    parameters = {
        name: parameter
        for name, parameter in inspect.signature(kind).parameters.items()
        if name not in ("self", "kwargs", *rate)
    }
    check_names(called, parameters, given, advice=" To unset an option of a file in conf/: NAME=null.")
    for name, value in given.items():
        wanted = _wanted(parameters[name].default, value)
        if wanted:
            raise UserError(f"Option '{name}' of {called} must be {wanted}. Received {value!r}.")
    try:
        return kind(**given, **rate)
    except (ValueError, TypeError) as problem:
        raise UserError(f"Keras rejects the options {given} of {called}: {' '.join(str(problem).split())}") from None


def _wanted(default: Any, value: Any) -> str | None:
    """Describe the expected type if a value has another type than the default; Keras would fail in training."""
    if isinstance(default, bool):
        return None if isinstance(value, bool) else "true or false"
    if isinstance(default, str):
        return None if isinstance(value, str) else "a string"
    return "a number, or a list of them" if isinstance(value, str | bool) else None
