"""Train one replicate from its task to its finished result, unless that result exists."""

import shutil
from functools import partial
from importlib import import_module
from typing import Any

import keras
import numpy as np
import pandas as pd
from filelock import FileLock
from PIL import Image

from pipeline.data.augmentation import augment
from pipeline.data.prepared import Prepared, read_prepared
from pipeline.data.splits import TRAIN, VALIDATION
from pipeline.interpretation.grid import kernel_grid
from pipeline.interpretation.kernels import first_layer_kernels
from pipeline.runs import CheckpointFolder, replacing, replacing_folder, write_json
from pipeline.training.batches import Augment, Portion, Standardisation
from pipeline.training.checkpoints import Epoch, restore_weights
from pipeline.training.compiling import compile_model, make_optimizer
from pipeline.training.fit import Length, best_epoch, fit, steps_in_epoch
from pipeline.training.task import OnProgress, Progress, Task, layer_modules


def train_replicate(task: Task, on_progress: OnProgress) -> None:
    """Train, keep the result under the task's fingerprint and remove the checkpoints.

    Two processes with the same task at the same time: the second waits and finds the result.
    """
    checkpoint = CheckpointFolder.of(task.fingerprint)
    checkpoint.folder.mkdir(parents=True, exist_ok=True)
    with FileLock(checkpoint.lock):
        if not task.result.finished:
            _train(task, checkpoint, on_progress)
        shutil.rmtree(checkpoint.folder, ignore_errors=True)


def load_network(architecture: str, seed: int) -> keras.Model:
    """The network of a JSON text with initial weights drawn from `seed`."""
    for module in layer_modules(architecture):
        import_module(module)
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    return keras.models.model_from_json(architecture)


def standardisation(prepared: Prepared, replicate: int) -> Standardisation:
    """Mean and deviation of the pixels that this replicate trains on."""
    split = prepared.manifest["replicates"][replicate]
    # A picture of one single grey has no deviation to divide by.
    deviation = np.maximum(np.asarray(split["standard_deviation"], np.float32), 1.0)
    return Standardisation(np.asarray(split["mean"], np.float32), deviation)


def _train(task: Task, checkpoint: CheckpointFolder, on_progress: OnProgress) -> None:
    prepared = read_prepared(task.prepared)
    scaling = standardisation(prepared, task.replicate)
    train, validation = (
        Portion(prepared.pixels, prepared.labels, prepared.indices(task.replicate, part), scaling)
        for part in (TRAIN, VALIDATION)
    )
    seed = int(np.random.SeedSequence([task.training.seed, task.replicate]).generate_state(1)[0])
    model = load_network(task.architecture, seed)
    settings = task.training
    optimizer = task.optimizer
    schedule = optimizer.schedule
    compile_model(
        model,
        make_optimizer(
            optimizer.name,
            optimizer.learning_rate,
            optimizer.options,
            schedule=(schedule.name, schedule.options) if schedule else None,
            steps=settings.epochs * steps_in_epoch(train, settings.batch_size),
        ),
    )
    pictures = _Pictures(model, checkpoint, settings.epochs)
    if not checkpoint.state.is_file():
        on_progress(Progress(task.replicate, [], pictures.after(0)))
    history = fit(
        model,
        train,
        validation,
        length=Length(settings.epochs, settings.batch_size, settings.evaluation_batch_size, settings.patience),
        seed=seed,
        augment=_augmentation(task),
        class_weights=_balanced(train) if settings.class_weights == "balanced" else None,
        checkpoint=checkpoint,
        on_epoch=lambda history: on_progress(Progress(task.replicate, history, pictures.after(len(history)))),
    )
    if settings.keep == "best":
        restore_weights(checkpoint.best, model)
    _keep(task, model, history, checkpoint)


def _keep(task: Task, model: keras.Model, history: list[Epoch], checkpoint: CheckpointFolder) -> None:
    result = task.result
    kept = best_epoch(history) if task.training.keep == "best" else len(history) - 1
    with replacing_folder(result.folder) as unfinished:
        for picture in checkpoint.folder.glob("kernels-*.png"):
            shutil.copy2(picture, unfinished)
        # A network that was never compiled: Keras would write the optimizer's variables beside the weights.
        bare = keras.models.model_from_json(task.architecture)
        bare.set_weights(model.get_weights())
        bare.save_weights(unfinished / result.weights.name)
        table = pd.DataFrame(history)
        table.insert(0, "epoch", range(1, len(history) + 1))
        table.to_csv(unfinished / result.history.name, index=False)
        write_json(
            unfinished / result.record.name,
            {
                "fingerprint": task.fingerprint,
                "model_fingerprint": task.model_fingerprint,
                "replicate": task.replicate,
                "epochs": len(history),
                "kept_epoch": kept + 1,
                "kept_loss": history[kept]["val/loss"],
                "kept_accuracy": history[kept]["val/accuracy"],
                "seconds": sum(epoch["seconds"] for epoch in history),
            },
        )


def _augmentation(task: Task) -> Augment | None:
    chosen = task.augmentation
    if not (chosen.horizontal_flip or chosen.vertical_flip or chosen.quarter_turns or chosen.shift):
        return None
    return partial(
        augment,
        horizontal_flip=chosen.horizontal_flip,
        vertical_flip=chosen.vertical_flip,
        quarter_turns=chosen.quarter_turns,
        shift=chosen.shift,
    )


def _balanced(train: Portion) -> dict[int, float]:
    """Weights with which each class counts the same, 1 on average (King & Zeng 2001)."""
    classes, counts = np.unique(train.labels[train.indices], return_counts=True)
    weights = len(train) / (len(classes) * counts)
    return {int(label): float(weight) for label, weight in zip(classes, weights, strict=True)}


class _Pictures:
    """Pictures of the first layer's kernels at the start, after 1, 2, 4, 8 … epochs and at the end."""

    def __init__(self, model: keras.Model, checkpoint: CheckpointFolder, epochs: int) -> None:
        self.model, self.checkpoint, self.epochs = model, checkpoint, epochs

    def after(self, epoch: int) -> Any:
        power_of_two = epoch & (epoch - 1) == 0
        kernels = first_layer_kernels(self.model) if power_of_two or epoch == self.epochs else None
        if kernels is None:
            return None
        file = self.checkpoint.folder / f"kernels-{epoch:05d}.png"
        with replacing(file) as unfinished:
            Image.fromarray(kernel_grid(kernels)).save(unfinished)
        return file
