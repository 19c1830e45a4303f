"""Train a compiled network with `fit`, so that an interrupted training goes on and ends with the same bits."""

import math
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import keras
import tensorflow as tf

from pipeline.errors import UserError
from pipeline.runs import CheckpointFolder, replacing
from pipeline.training.batches import Augment, Portion, dataset, evaluation_batches, training_batches
from pipeline.training.checkpoints import Epoch, restore_state, save_state


@dataclass(frozen=True)
class Length:
    """How long to train: `patience` epochs without a lower validation loss end it, where it is set."""

    epochs: int
    batch_size: int
    evaluation_batch_size: int
    patience: int | None = None

    def over(self, history: list[Epoch]) -> bool:
        """Whether training has ended after these epochs."""
        waited = len(history) - 1 - best_epoch(history) if history else 0
        return len(history) >= self.epochs or (self.patience is not None and waited >= self.patience)


def best_epoch(history: list[Epoch]) -> int:
    """The first epoch with the lowest validation loss, counted from 0."""
    return min(range(len(history)), key=lambda epoch: history[epoch]["val/loss"])


def fit(
    model: keras.Model,
    train: Portion,
    validation: Portion,
    *,
    length: Length,
    seed: int,
    augment: Augment | None,
    class_weights: Mapping[int, float] | None,
    checkpoint: CheckpointFolder,
    on_epoch: Callable[[list[Epoch]], None],
) -> list[Epoch]:
    """Train, or go on from the checkpoint, and return the history: one mapping per epoch.

    Keys are `train/loss`, `train/accuracy`, `val/loss`, `val/accuracy`, `learning_rate` and `seconds`. `on_epoch` is
    called after each epoch with the history so far. Afterwards the model holds the last epoch's weights and
    `checkpoint.best` those with the lowest validation loss.

    Raises:
        UserError: the loss is no longer finite, or there are fewer training images than one batch holds.
    """
    steps = len(train) // length.batch_size
    if steps == 0:
        raise UserError(
            f"`training.batch_size` must be at most the number of training images, {len(train)}. "
            f"Received {length.batch_size}."
        )
    history = _resumed(checkpoint, model)
    if length.over(history):
        return history
    shape = train.pixels.shape[1:]
    epochs = range(len(history), length.epochs)
    batches = dataset(
        lambda: training_batches(train, batch_size=length.batch_size, epochs=epochs, seed=seed, augment=augment),
        steps * len(epochs),
        shape,
    )
    portion = length.evaluation_batch_size
    held_out = dataset(
        lambda: evaluation_batches(validation, batch_size=portion), math.ceil(len(validation) / portion), shape
    )
    after = _AfterEpoch(history, length, checkpoint, on_epoch)
    model.fit(
        batches,
        validation_data=held_out,
        initial_epoch=len(history),
        epochs=length.epochs,
        steps_per_epoch=steps,
        class_weight=dict(class_weights) if class_weights else None,
        callbacks=[after],
        shuffle=False,
        verbose=0,
    )
    return history


def _resumed(checkpoint: CheckpointFolder, model: keras.Model) -> list[Epoch]:
    if not checkpoint.state.is_file():
        return []
    try:
        return restore_state(checkpoint.state, model)
    except (ValueError, KeyError, OSError, zipfile.BadZipFile) as problem:
        raise UserError(
            f"The checkpoint {checkpoint.state} cannot be read ({problem}). Delete it to train from the start."
        ) from None


@dataclass(eq=False)
class _AfterEpoch(keras.callbacks.Callback):  # type: ignore[misc]
    history: list[Epoch]
    length: Length
    checkpoint: CheckpointFolder
    on_epoch: Callable[[list[Epoch]], None]
    began: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        super().__init__()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.began = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        logs = logs or {}
        if not (math.isfinite(logs["loss"]) and math.isfinite(logs["val_loss"])):
            raise UserError(
                f"The loss is {logs['loss']} in epoch {epoch + 1} (validation {logs['val_loss']}): the training "
                f"diverged. Lower `optimizer.learning_rate`, now {_learning_rate(self.model):g}."
            )
        self.history.append(
            {
                "train/loss": float(logs["loss"]),
                "train/accuracy": float(logs["accuracy"]),
                "val/loss": float(logs["val_loss"]),
                "val/accuracy": float(logs["val_accuracy"]),
                "learning_rate": _learning_rate(self.model),
                "seconds": time.perf_counter() - self.began,
            }
        )
        # The best weights first: a state that is older than they are leads back to the same weights.
        if best_epoch(self.history) == epoch:
            with replacing(self.checkpoint.best) as unfinished:
                self.model.save_weights(unfinished)
        save_state(self.checkpoint.state, self.model, self.history)
        self.on_epoch(self.history)
        if self.length.over(self.history):
            self.model.stop_training = True


def _learning_rate(model: keras.Model) -> float:
    return float(tf.convert_to_tensor(model.optimizer.learning_rate))
