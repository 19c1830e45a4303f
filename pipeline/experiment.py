"""One configuration from start to finish in one process, on training and validation data; what a sweep multiplies."""

import gc
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from functools import cache
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
from filelock import FileLock, Timeout

from pipeline.config.schema import (
    AugmentationConfig,
    DataConfig,
    ModelConfig,
    OptimizerConfig,
    SplitConfig,
    TrainingConfig,
)
from pipeline.console import say
from pipeline.data.looks import record_look, test_set_digest
from pipeline.data.prepare import prepare
from pipeline.data.prepared import read_manifest, read_prepared
from pipeline.data.sources import source_names, watched_files
from pipeline.networks.describe import make_network
from pipeline.storage.files import read_json
from pipeline.storage.fingerprints import code_digest, fingerprint
from pipeline.storage.folders import CACHE, TEST_SETS, CheckpointFolder, looks_file
from pipeline.storage.provenance import commit
from pipeline.sweeping.promise import Promise
from pipeline.tracking.publish.live import logging_live
from pipeline.tracking.tracker import Tracker
from pipeline.training.progress import Reporter
from pipeline.training.runtime import start_tensorflow
from pipeline.training.task import Progress, Pruned, Task, make_tasks

if TYPE_CHECKING:
    from pipeline.sweeping.trial import Trial

PREPARING = tuple(
    f"pipeline.data.{name}" for name in ("images", "sources", "prepared", "prepare", "splits", "test_sets")
)
"""The modules whose source determines prepared data, beside that of the data source."""


def main(
    data: DataConfig,
    split: SplitConfig,
    model: ModelConfig,
    optimizer: OptimizerConfig,
    training: TrainingConfig,
    augmentation: AugmentationConfig,
    replicates: int,
    trial: "Trial | None" = None,
) -> float:
    """Train one configuration and return the mean validation loss of its kept weights.

    Nothing is trained that has a finished result with the same fingerprint, from an experiment or the pipeline. A
    `trial` of a sweep is told of every epoch, and may end the training.
    """
    tracker = Tracker.open(data.name)
    folder = _prepared(data, split, replicates)
    manifest = read_manifest(folder)
    start_tensorflow(training.threads)
    from pipeline.training.initial import save_initial_weights
    from pipeline.training.replicate import train_replicate
    from pipeline.training.start import start

    _settle()
    network = make_network(model, manifest)
    configuration = {
        "data": asdict(data),
        "split": asdict(split),
        "optimizer": asdict(optimizer),
        "training": asdict(training),
        "augmentation": asdict(augmentation),
        "model": asdict(model),
    }
    with TemporaryDirectory() as scratch:
        initial_weights = None
        if network.started is not None:
            initial_weights = Path(scratch) / "initial_weights.npz"
            save_initial_weights(initial_weights, network.started)
        tasks = make_tasks(
            network.architecture,
            folder,
            replicates,
            initial_weights=initial_weights,
            optimizer=optimizer,
            training=training,
            augmentation=augmentation,
        )
        todo = [task for task in tasks if not task.result.finished]
        reused = len(tasks) - len(todo)
        if trial is not None:
            trial.note("configuration", {**configuration, "replicates": replicates})
            trial.note("fingerprint", tasks[0].model_fingerprint)
            trial.note("reused", reused)
        if todo and trial is None:
            # A mistake in the optimizer or the batch size is told before a run is made for it.
            start(todo[0], read_prepared(folder))
        record_look(
            looks_file(data.name),
            "tuned",
            test_set=test_set_digest(read_prepared(folder).splits, manifest),
            configuration=tasks[0].configuration_fingerprint,
            model=model.name,
            commit=commit(),
        )
        layers = network.summary(model.architecture)
        # MLflow shows all options; a model file adopted from a trial states the given ones.
        logged = {**configuration, "model": {**asdict(model), "options": layers["options"]}}
        with logging_live(tracker, model.name, tasks, logged, manifest["digest"], layers=layers, trial=trial) as live:
            if trial is None:
                if reused:
                    say(f"{model.name}: {reused} of {len(tasks)} replicates are trained already and reused")
                tell: Reporter | Promise = Reporter(
                    model.name, [task.replicate for task in todo], training.epochs, workers=1
                )
            else:
                tell = Promise(trial, training.epochs, training.keep)

            def on_progress(progress: Progress) -> None:
                live(progress)
                tell(progress)

            for task in tasks:
                if task in todo:
                    with _forgotten_if_pruned(task):
                        train_replicate(task, on_progress)
                elif isinstance(tell, Promise):
                    tell(Progress(task.replicate, task.result.epochs), prunable=False)
    records = [read_json(task.result.record) for task in tasks]
    loss = float(np.mean([record["kept_loss"] for record in records]))
    accuracy = float(np.mean([record["kept_accuracy"] for record in records]))
    if trial is None:
        say(
            f"{model.name} on {data.name}: validation loss {loss:.4f}, accuracy {accuracy:.4f} (mean of {len(records)})"
        )
    else:
        trial.complete(
            {
                "validation_loss": loss,
                "validation_accuracy": accuracy,
                "parameters": network.parameters,
                "multiply_accumulates": network.multiply_accumulates,
                "seconds": float(np.mean([record["seconds"] for record in records])),
            }
        )
    return loss


@cache
def _settle() -> None:
    """Leave what was imported to nobody's collection: Keras collects garbage before each network it makes.

    With all that TensorFlow and MLflow import that takes 0.4 s, twice for each trial of a sweep.
    """
    gc.collect()
    gc.freeze()


@contextmanager
def _forgotten_if_pruned(task: Task) -> Iterator[None]:
    """Within the block a trial trains; its checkpoints go if it is pruned, but for those that it has found."""
    checkpoint = CheckpointFolder.of(task.fingerprint)
    found = checkpoint.state.is_file()
    try:
        yield
    except Pruned:
        if not found:
            # Somebody who has the lock trains the same.
            with suppress(Timeout), FileLock(checkpoint.lock, timeout=0):
                shutil.rmtree(checkpoint.folder, ignore_errors=True)
        raise


def _prepared(data: DataConfig, split: SplitConfig, replicates: int) -> Path:
    """The folder of these images and splits, made unless the same has been prepared before."""
    test_set = TEST_SETS / f"{data.name}-{split.name}.json"
    parent = CACHE / "prepared"
    parent.mkdir(parents=True, exist_ok=True)

    def named() -> Path:
        parts = {
            "data": asdict(data),
            "split": asdict(split),
            "files": watched_files(data.source, data.options),
            "test_set": sha256(test_set.read_bytes()).hexdigest() if test_set.is_file() else None,
            "code": code_digest([*PREPARING, *(f"pipeline.data.sources.{name}" for name in source_names())]),
        }
        return parent / f"{fingerprint(parts)[:16]}-{replicates}"

    with FileLock(parent / "lock"):
        if not named().is_dir():
            unfinished = parent / "unfinished"
            for line in prepare(unfinished, asdict(data), asdict(split), replicates=replicates, test_set=test_set):
                say(line)
            # Named only now, because preparing may have drawn the test set.
            if named().is_dir():
                shutil.rmtree(unfinished)
            else:
                unfinished.replace(named())
        return named()
