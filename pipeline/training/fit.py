"""Train a compiled network so that an interrupted training resumes and ends with bit-identical weights."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import keras
import tensorflow as tf

from pipeline.errors import UserError
from pipeline.storage.folders import CheckpointFolder
from pipeline.training.batches import Augment, Mixing, dataset, evaluation_batches, training_batches
from pipeline.training.checkpoints import Epoch, restore_state, restore_weights, save_state, save_weights
from pipeline.training.examples import Portion
from pipeline.training.loops import LOOPS, LoopName


@dataclass(frozen=True)
class Length:
    """Length of a training; if `patience` is set, that many epochs without a lower validation loss end it."""

    epochs: int
    batch_size: int
    evaluation_batch_size: int
    patience: int | None = None

    def over(self, history: list[Epoch]) -> bool:
        """Return whether the training ends after these epochs."""
        waited = len(history) - 1 - best_epoch(history) if history else 0
        return len(history) >= self.epochs or (self.patience is not None and waited >= self.patience)


def best_epoch(history: list[Epoch]) -> int:
    """Return the first epoch with the lowest validation loss, counted from 0."""
    return min(range(len(history)), key=lambda epoch: history[epoch]["val/loss"])


def steps_in_epoch(train: Portion, batch_size: int) -> int:
    """Return the number of full batches of training images.

    Raises:
        UserError: the batch size exceeds the number of training images.
    """
    if batch_size > len(train):
        raise UserError(
            f"`training.batch_size` must be at most the number of training images, {len(train)}. Received {batch_size}."
        )
    return len(train) // batch_size


def fit(
    model: keras.Model,
    train: Portion,
    validation: Portion,
    *,
    length: Length,
    seed: int,
    augment: Augment | None,
    mixing: Mixing | None = None,
    class_weights: Mapping[int, float] | None,
    checkpoint: CheckpointFolder,
    on_epoch: Callable[[list[Epoch]], None],
    keep: Literal["best", "last"] = "last",
    loop: LoopName = "fit",
) -> list[Epoch]:
    """Train, or resume from the checkpoint, and return the history: one mapping per epoch.

    Keys are `train/loss`, `train/accuracy`, `val/loss`, `val/accuracy`, `learning_rate` and `seconds`. With several
    outputs, `loss` and `accuracy` are those of the first. Those of the others have keys such as `val/subgroup/loss`,
    and the minimised sum of all losses is `train/total_loss` and `val/total_loss`. `on_epoch` is called after each
    epoch with the history up to now. Afterwards the model has the weights to `keep`: those with the lowest validation
    loss, or those of the last epoch.

    Raises:
        UserError: the loss is not finite, or the checkpoint is unreadable.
    """
    steps = steps_in_epoch(train, length.batch_size)
    history = restore_state(checkpoint.state, model) if checkpoint.state.is_file() else []
    if not length.over(history):
        epochs = range(len(history), length.epochs)
        batches = dataset(
            # Each iteration starts with as many finished epochs as `history` has by then.
            lambda: training_batches(
                train,
                batch_size=length.batch_size,
                epochs=range(len(history), len(history) + 1),
                seed=seed,
                augment=augment,
                mixing=mixing,
                class_weights=class_weights,
            ),
            steps,
            batch_size=length.batch_size,
        )
        portion = length.evaluation_batch_size
        held_out = dataset(
            lambda: evaluation_batches(validation, batch_size=portion, mixing=mixing),
            math.ceil(len(validation) / portion),
        )
        after = _AfterEpoch(train.columns.outputs, history, length, checkpoint, on_epoch)
        LOOPS[loop](model, batches, held_out, epochs=epochs, after=after)
    if keep == "best":
        restore_weights(checkpoint.best, model)
    return history


@dataclass(eq=False)
class _AfterEpoch(keras.callbacks.Callback):  # type: ignore[misc]
    outputs: tuple[str, ...]
    history: list[Epoch]
    length: Length
    checkpoint: CheckpointFolder
    on_epoch: Callable[[list[Epoch]], None]
    began: float = field(default=0.0, init=False)
    first_rate: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        super().__init__()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.began, self.first_rate = time.perf_counter(), _learning_rate(self.model)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        logs = logs or {}
        if not (math.isfinite(logs["loss"]) and math.isfinite(logs["val_loss"])):
            raise UserError(
                f"The training diverged: the loss is {logs['loss']} in epoch {epoch + 1} (validation "
                f"{logs['val_loss']}). Lower `optimizer.learning_rate`, which was {self.first_rate:g}."
            )
        self.history.append(
            {
                **_named(logs, "train", "", self.outputs),
                **_named(logs, "val", "val_", self.outputs),
                "learning_rate": _learning_rate(self.model),
                "seconds": time.perf_counter() - self.began,
            }
        )
        # Save the best weights first: after a crash in between, the older state leads to the same weights again.
        if best_epoch(self.history) == epoch:
            save_weights(self.checkpoint.best, self.model)
        save_state(self.checkpoint.state, self.model, self.history)
        self.on_epoch(self.history)
        if self.length.over(self.history):
            self.model.stop_training = True


def _named(logs: Mapping[str, float], part: str, prefix: str, outputs: tuple[str, ...]) -> Epoch:
    """Rename Keras' logs of one part; with several outputs, Keras prefixes a metric with the output's name."""
    if len(outputs) == 1:
        return {f"{part}/{metric}": float(logs[prefix + metric]) for metric in ("loss", "accuracy")}
    first, *others = outputs
    places = {first: part, **{name: f"{part}/{name}" for name in others}}
    return {
        **{
            f"{place}/{metric}": float(logs[f"{prefix}{name}_{logged}"])
            for name, place in places.items()
            # Training batches have equal sizes, and weights affect only the loss.
            for metric, logged in (("loss", "loss" if part == "train" else "cross_entropy"), ("accuracy", "accuracy"))
        },
        f"{part}/total_loss": float(logs[f"{prefix}loss"]),
    }


def _learning_rate(model: keras.Model) -> float:
    return float(tf.convert_to_tensor(model.optimizer.learning_rate))
