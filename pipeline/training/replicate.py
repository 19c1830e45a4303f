"""Train one replicate: from its task to its finished result."""

import shutil
from contextlib import nullcontext
from pathlib import Path

import keras
import pandas as pd
from filelock import FileLock
from PIL import Image

from pipeline.data.prepared import read_prepared
from pipeline.interpretation.first_layer import first_layer_kernels
from pipeline.interpretation.kernel_image import kernel_grid
from pipeline.storage.digests import write_digests
from pipeline.storage.files import replacing, replacing_folder, write_json
from pipeline.storage.folders import CheckpointFolder, is_pictured
from pipeline.storage.provenance import process_code
from pipeline.training.checkpoints import Epoch
from pipeline.training.environment import training_environment
from pipeline.training.fit import best_epoch, fit
from pipeline.training.snapshots import Snapshots, described
from pipeline.training.start import start
from pipeline.training.task import OnProgress, Progress, Task


def train_replicate(task: Task, on_progress: OnProgress) -> None:
    """Train a task unless its result exists, store the result under its fingerprint, and delete its checkpoints.

    If two processes have the same task, the second one waits and uses the result of the first.
    """
    checkpoint = CheckpointFolder.of(task.fingerprint)
    checkpoint.folder.mkdir(parents=True, exist_ok=True)
    with FileLock(checkpoint.lock):
        if not task.result.finished:
            with described(checkpoint.snapshots, task) if task.snapshots else nullcontext():
                _train(task, checkpoint, on_progress)
        shutil.rmtree(checkpoint.folder, ignore_errors=True)


def _train(task: Task, checkpoint: CheckpointFolder, on_progress: OnProgress) -> None:
    process_code()  # Now, because the code may be edited while the network is trained.
    prepared = read_prepared(task.prepared)
    at = start(task, prepared)
    resumed = checkpoint.readable
    if not resumed:
        _forget(checkpoint)
    # Further replicates would show the same again.
    snapshots = (
        Snapshots(checkpoint.snapshots, at.model, at.validation, prepared, resumed=resumed)
        if task.snapshots and task.replicate == 0
        else None
    )

    def on_epoch(history: list[Epoch]) -> None:
        last = at.length.over(history)
        kernels = _picture(at.model, checkpoint, len(history), last=last)
        maps = snapshots.take(history, epochs=at.length.epochs, last=last) if snapshots is not None else None
        pictured = maps if is_pictured(len(history), last=last) else None
        on_progress(Progress(task.replicate, history, kernels, pictured, last))

    if not resumed:
        on_epoch([])
    history = fit(
        at.model,
        at.train,
        at.validation,
        length=at.length,
        seed=at.seed,
        augment=at.augment,
        mixing=at.mixing,
        class_weights=at.class_weights,
        checkpoint=checkpoint,
        on_epoch=on_epoch,
        keep=task.training.keep,
        loop=task.training.loop,
    )
    _keep(task, at.model, history, checkpoint)


def _keep(task: Task, model: keras.Model, history: list[Epoch], checkpoint: CheckpointFolder) -> None:
    result, code = task.result, process_code()
    kept = best_epoch(history) if task.training.keep == "best" else len(history) - 1
    with replacing_folder(result.folder) as unfinished:
        for picture in checkpoint.pictures.values():
            shutil.copy2(picture, unfinished)
        if checkpoint.snapshots.training.is_file():
            shutil.copytree(checkpoint.snapshots.folder, unfinished / result.snapshots.folder.name)
        # Save from a model that is not compiled: Keras would otherwise save the optimizer's variables, too.
        bare = keras.models.model_from_json(task.architecture)
        bare.set_weights(model.get_weights())
        bare.save_weights(unfinished / result.weights.name)
        table = pd.DataFrame(history)
        table.insert(0, "epoch", range(1, len(history) + 1))
        table.to_csv(unfinished / result.history.name, index=False)
        code.write_patch(unfinished / result.patch.name)
        write_json(
            unfinished / result.record.name,
            {
                "fingerprint": task.fingerprint,
                "model_fingerprint": task.model_fingerprint,
                **code.record,
                "environment": training_environment(task.training.threads),
                "replicate": task.replicate,
                "epochs": len(history),
                "kept_epoch": kept + 1,
                "kept_loss": history[kept]["val/loss"],
                "kept_accuracy": history[kept]["val/accuracy"],
                "seconds": sum(epoch["seconds"] for epoch in history),
                "sizes": {
                    name: (unfinished / name).stat().st_size for name in (result.weights.name, result.history.name)
                },
            },
        )
        write_digests(unfinished)


def _forget(checkpoint: CheckpointFolder) -> None:
    """Delete a damaged checkpoint: the training then begins again and ends with the same bits."""
    for file in (checkpoint.state, checkpoint.best):
        if file.is_dir():
            shutil.rmtree(file)
        else:
            file.unlink(missing_ok=True)


def _picture(model: keras.Model, checkpoint: CheckpointFolder, epoch: int, *, last: bool = False) -> Path | None:
    """Save a picture of the first layer's kernels, if one is due after this epoch."""
    kernels = first_layer_kernels(model) if is_pictured(epoch, last=last) else None
    if kernels is None:
        return None
    file = checkpoint.picture(epoch)
    with replacing(file) as unfinished:
        Image.fromarray(kernel_grid(kernels)).save(unfinished)
    return file
