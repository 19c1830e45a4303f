"""Train every replicate of a model in parallel, and log the progress to MLflow.

The trained networks predict the test and validation images here, where they are in memory. Scores of these predictions
are computed and recorded by `evaluate` only.
"""

from dataclasses import asdict

from pipeline.comparison.planned import planned_replicates
from pipeline.config.schema import AugmentationConfig, ModelConfig, OptimizerConfig, RayConfig, TrainingConfig, Workers
from pipeline.console import say
from pipeline.counts import number_of
from pipeline.data.prepared import read_manifest
from pipeline.reporting.augmentation_sheet import augmentation_sheet
from pipeline.storage.files import check_complete, read_json, read_network_text
from pipeline.storage.folders import PREPARED, RunFolder
from pipeline.training.collecting import collect
from pipeline.training.pools import training_pool
from pipeline.training.progress import Reporter, in_turn, report_reused
from pipeline.training.task import make_tasks
from pipeline.training.workers import finish


def main(
    model: ModelConfig,
    optimizer: OptimizerConfig,
    training: TrainingConfig,
    augmentation: AugmentationConfig,
    models: tuple[str, ...],
    workers: Workers,
    ray: RayConfig,
    snapshots: bool,
) -> None:
    """Train the planned replicates of one model of the comparison that have no finished result."""
    run = RunFolder.of(model.name)
    check_complete(run.network)
    manifest = read_manifest(PREPARED)
    tasks = make_tasks(
        read_network_text(run.architecture),
        PREPARED,
        planned_replicates(model.name),
        initial_weights=run.initial_weights if run.initial_weights.is_file() else None,
        optimizer=optimizer,
        training=training,
        augmentation=augmentation,
        name=model.name,
        snapshots=snapshots,
    )
    unpredicted = [task for task in tasks if not task.result.predicted]
    with training_pool(workers, ray, needed=bool(unpredicted)) as pool:
        # Now, because MLflow and TensorFlow each take seconds to import, and do so side by side.
        from pipeline.tracking.publish.live import logging_live
        from pipeline.tracking.tracker import Tracker

        tracker = Tracker.open(manifest["name"])
        layers = read_json(run.layers, "options")
        augmented = augmentation_sheet(PREPARED, augmentation)
        configuration = {
            **manifest["settings"],
            "optimizer": asdict(optimizer),
            "training": asdict(training),
            "augmentation": asdict(augmentation),
            "model": {**asdict(model), "options": layers["options"]},
        }
        todo = [task for task in tasks if not task.result.finished]
        report_reused(model.name, tasks, todo)
        with logging_live(
            tracker, model.name, tasks, configuration, manifest["digest"], layers=layers, augmented=augmented
        ) as live:
            count = pool.parallel(len(unpredicted), training.threads)
            if todo:
                place = f" ({models.index(model.name) + 1} of {len(models)} models)" if model.name in models else ""
                trainings = f"{number_of(len(todo), 'replicate')} of {number_of(training.epochs, 'epoch')}"
                watch = " (in the browser: `convtrack watch`)" if snapshots else ""
                say(f"{model.name}{place}: {trainings}, {count} in parallel{watch}")
            report = Reporter(model.name, [task.replicate for task in todo], training.epochs, count)
            pool.train(unpredicted, on_progress=in_turn(report, live))
    finish(tasks)
    collect(run, model.name, tasks, configuration, augmented=augmented)
