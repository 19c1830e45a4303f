"""One configuration from start to finish in one process, on training and validation data; what a sweep multiplies."""

from collections.abc import Iterator
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path

import numpy as np
from filelock import FileLock

from pipeline.config import AugmentationConfig, DataConfig, ModelConfig, OptimizerConfig, SplitConfig, TrainingConfig
from pipeline.console import say
from pipeline.data.prepared import read_manifest, read_prepared
from pipeline.data.preparing import prepare
from pipeline.networks import make_network
from pipeline.publishing.training import logging_live
from pipeline.runs import CACHE, TEST_SETS, fingerprint, read_json
from pipeline.tracking import Tracker
from pipeline.training.progress import Reporter
from pipeline.training.runtime import start_tensorflow
from pipeline.training.task import Progress, make_tasks


def main(
    data: DataConfig,
    split: SplitConfig,
    model: ModelConfig,
    optimizer: OptimizerConfig,
    training: TrainingConfig,
    augmentation: AugmentationConfig,
    replicates: int,
) -> float:
    """Train one configuration and return the mean validation loss of its kept weights.

    Nothing is trained that has a finished result with the same fingerprint, from an experiment or the pipeline.
    """
    tracker = Tracker.open(data.name)
    folder = _prepared(data, split, replicates)
    manifest = read_manifest(folder)
    start_tensorflow(training.threads)
    from pipeline.training.replicate import train_replicate

    network = make_network(model, read_prepared(folder))
    tasks = make_tasks(
        network.architecture, folder, replicates, optimizer=optimizer, training=training, augmentation=augmentation
    )
    configuration = {
        "data": asdict(data),
        "split": asdict(split),
        "optimizer": asdict(optimizer),
        "training": asdict(training),
        "augmentation": asdict(augmentation),
        "model": asdict(model),
    }
    todo = [task for task in tasks if not task.result.finished]
    with logging_live(tracker, model.name, tasks, configuration, manifest["digest"]) as live:
        if len(todo) < len(tasks):
            say(f"{model.name}: {len(tasks) - len(todo)} of {len(tasks)} replicates are trained already and reused")
        report = Reporter(model.name, [task.replicate for task in todo], training.epochs, workers=1)

        def on_progress(progress: Progress) -> None:
            report(progress)
            live(progress)

        for task in todo:
            train_replicate(task, on_progress)
    records = [read_json(task.result.record) for task in tasks]
    loss = float(np.mean([record["kept_loss"] for record in records]))
    accuracy = float(np.mean([record["kept_accuracy"] for record in records]))
    say(f"{model.name} on {data.name}: validation loss {loss:.4f}, accuracy {accuracy:.4f} (mean of {len(records)})")
    return loss


def _prepared(data: DataConfig, split: SplitConfig, replicates: int) -> Path:
    """The folder of these images and splits, made unless the same has been prepared before."""
    test_set = TEST_SETS / f"{data.name}-{split.name}.json"
    parts = {
        "data": asdict(data),
        "split": asdict(split),
        "files": list(_files(data)),
        "test_set": sha256(test_set.read_bytes()).hexdigest() if test_set.is_file() else None,
    }
    parent = CACHE / "prepared"
    parent.mkdir(parents=True, exist_ok=True)
    with FileLock(parent / "lock"):
        folder = parent / f"{fingerprint(parts)[:16]}-{replicates}"
        if not folder.is_dir():
            for line in prepare(folder, asdict(data), asdict(split), replicates=replicates, test_set=test_set):
                say(line)
    return folder


def _files(data: DataConfig) -> Iterator[tuple[str, int, int]]:
    """Name, size and time of the files of a source that reads a folder."""
    for file in sorted(Path(data.options["path"]).rglob("*")) if "path" in data.options else ():
        status = file.stat()
        yield str(file), status.st_size, status.st_mtime_ns
