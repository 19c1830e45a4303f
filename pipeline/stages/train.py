"""Train every replicate of a model, side by side, and log it live."""

import shutil
from dataclasses import asdict

import pandas as pd

from pipeline.config.schema import AugmentationConfig, ModelConfig, OptimizerConfig, TrainingConfig
from pipeline.console import say
from pipeline.data.prepared import read_manifest
from pipeline.storage.files import read_json, read_text, replacing, replacing_folder, write_json
from pipeline.storage.folders import PREPARED, RunFolder
from pipeline.tracking.publish.live import logging_live
from pipeline.tracking.tracker import Tracker
from pipeline.training.progress import Reporter
from pipeline.training.task import Progress, Task, make_tasks
from pipeline.training.workers import train_side_by_side, worker_count


def main(
    model: ModelConfig,
    optimizer: OptimizerConfig,
    training: TrainingConfig,
    augmentation: AugmentationConfig,
    models: tuple[str, ...],
    replicates: int,
    workers: int | None,
) -> None:
    """Train one model of the comparison: every replicate that has no finished result yet."""
    run = RunFolder.of(model.name)
    manifest = read_manifest(PREPARED)
    tracker = Tracker.open(manifest["name"])
    tasks = make_tasks(
        read_text(run.architecture),
        PREPARED,
        replicates,
        initial_weights=run.initial_weights if run.initial_weights.is_file() else None,
        optimizer=optimizer,
        training=training,
        augmentation=augmentation,
    )
    layers = read_json(run.layers)
    configuration = {
        **manifest["settings"],
        "optimizer": asdict(optimizer),
        "training": asdict(training),
        "augmentation": asdict(augmentation),
        "model": {**asdict(model), "options": layers["options"]},
    }
    todo = [task for task in tasks if not task.result.finished]
    if len(todo) < len(tasks):
        say(f"{model.name}: {len(tasks) - len(todo)} of {len(tasks)} replicates are trained already and reused")
    with logging_live(tracker, model.name, tasks, configuration, manifest["digest"], layers=layers) as live:
        if todo:
            count = worker_count(len(todo), training.threads, wanted=workers)
            place = f" ({models.index(model.name) + 1} of {len(models)} models)" if model.name in models else ""
            say(f"{model.name}{place}: {len(todo)} replicates of {training.epochs} epochs, {count} side by side")
            report = Reporter(model.name, [task.replicate for task in todo], training.epochs, count)

            def on_progress(progress: Progress) -> None:
                report(progress)
                live(progress)

            train_side_by_side(todo, workers=count, on_progress=on_progress)
    _collect(run, model.name, tasks, configuration)


def _collect(run: RunFolder, model: str, tasks: list[Task], configuration: dict[str, object]) -> None:
    histories = []
    with replacing_folder(run.train) as unfinished:
        for task in tasks:
            shutil.copytree(task.result.folder, unfinished / run.result(task.replicate).folder.name)
            histories.append(pd.read_csv(task.result.history).assign(replicate=task.replicate))
        history = pd.concat(histories)
        history.to_csv(unfinished / run.history.name, index=False)
        write_json(
            unfinished / run.replicates.name,
            {
                "model": model,
                "model_fingerprint": tasks[0].model_fingerprint,
                "configuration_fingerprint": tasks[0].configuration_fingerprint,
                "configuration": configuration,
                "replicates": [read_json(task.result.record) for task in tasks],
            },
        )
    with replacing(run.learning_curve) as unfinished:
        means = history.groupby("epoch")[["train/loss", "val/loss", "train/accuracy", "val/accuracy"]].mean()
        means.reset_index().to_csv(unfinished, index=False)
