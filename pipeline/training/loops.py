"""The two training loops of Keras: `fit`, and an explicit loop over `train_on_batch`.

Both use the same batches, metrics and callback, and end with the same bits.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import keras

LoopName = Literal["fit", "explicit"]

STEPS_PER_EXECUTION = 8
"""`fit` returns to Python once per this many batches: its overhead is small, and Ctrl-C soon takes effect."""


def by_fit(model: keras.Model, batches: Any, held_out: Any, *, epochs: range, after: keras.callbacks.Callback) -> None:
    """Train with `model.fit`, where Keras iterates over epochs and batches.

    `batches` is a `tf.data.Dataset`; each iteration over it yields the batches of the next epoch, and `fit` starts
    one for each epoch after `after.on_epoch_end`. `held_out` is one over the validation batches. The callback `after`
    may set `model.stop_training`.
    """
    model.steps_per_execution = STEPS_PER_EXECUTION
    model.fit(
        batches,
        validation_data=held_out,
        initial_epoch=epochs.start,
        epochs=epochs.stop,
        callbacks=[after],
        shuffle=False,
        verbose=0,
    )


def by_batch(
    model: keras.Model, batches: Any, held_out: Any, *, epochs: range, after: keras.callbacks.Callback
) -> None:
    """Train with an explicit loop, as `fit` does internally; arguments as in `by_fit`."""
    after.set_model(model)
    model.stop_training = False
    for epoch in epochs:
        after.on_epoch_begin(epoch)
        sums: list[Any] = []
        for batch in batches:
            model.train_on_batch(*batch)
            # Keras resets the metrics after each batch. Each metric is a quotient of sums over examples: add them up.
            values = [variable.numpy() for variable in model.metrics_variables]
            sums = [total + value for total, value in zip(sums, values, strict=True)] if sums else values
        for variable, total in zip(model.metrics_variables, sums, strict=True):
            variable.assign(total)
        logs = {name: float(value) for name, value in model.get_metrics_result().items()}
        held = model.evaluate(held_out, return_dict=True, verbose=0)
        after.on_epoch_end(epoch, {**logs, **{f"val_{name}": value for name, value in held.items()}})
        if model.stop_training:
            return


LOOPS: Mapping[LoopName, Callable[..., None]] = {"fit": by_fit, "explicit": by_batch}
