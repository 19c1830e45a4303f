"""Train one configuration on training and validation data. `-m` runs a sweep of experiments."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import numpy as np

from pipeline.config.schema import (
    AuditConfig,
    AugmentationConfig,
    DataConfig,
    ModelConfig,
    OptimizerConfig,
    RayConfig,
    Replicates,
    SplitConfig,
    TrainingConfig,
    Workers,
)
from pipeline.console import say
from pipeline.data.looks import record_look, untuned_digest
from pipeline.data.prepared import read_manifest, read_prepared
from pipeline.data.prepared_cache import prepared_folder
from pipeline.errors import UserError
from pipeline.networks.describe import Network, make_network
from pipeline.reporting.augmentation_sheet import augmentation_sheet
from pipeline.storage.files import read_json
from pipeline.storage.folders import looks_file
from pipeline.storage.frozen_imports import freeze_imports
from pipeline.storage.provenance import commit
from pipeline.tracking.publish.live import logging_live
from pipeline.tracking.publish.model_runs import SweepTrial
from pipeline.tracking.tracker import Tracker
from pipeline.training.pools import RayPool
from pipeline.training.progress import Reporter, in_turn, report_reused
from pipeline.training.runtime import start_tensorflow
from pipeline.training.task import Progress, Task, make_tasks


class Observer(Protocol):
    """The hooks of an experiment, in the order in which `main` calls them. Each may raise to stop the experiment."""

    @property
    def trial(self) -> SweepTrial | None:
        """The trial of a sweep that the experiment belongs to; MLflow logs it below the sweep's run."""

    @property
    def objectives(self) -> Sequence[str]:
        """The values that `on_end` needs; some are computed only on request."""

    def on_tasks(self, tasks: Sequence[Task], configuration: Mapping[str, Any]) -> None:
        """The trainings are known. Nothing has been recorded yet."""

    def on_reused(self, task: Task) -> None:
        """A replicate has a finished result with the same fingerprint and is not trained again."""

    def training(self, task: Task) -> AbstractContextManager[None]:
        """Enclose the training of one replicate."""

    def on_progress(self, progress: Progress) -> None:
        """An epoch has ended."""

    def on_end(self, values: Mapping[str, float]) -> None:
        """All replicates are trained. `values` holds at least the values named by `objectives`."""


class ConsoleObserver:
    """Print the progress of an experiment that is not part of a sweep."""

    trial: SweepTrial | None = None
    objectives: Sequence[str] = ()

    def __init__(self, model: str, data: str) -> None:
        """Print under these names of model and data set."""
        self.model = model
        self.data = data

    def on_tasks(self, tasks: Sequence[Task], configuration: Mapping[str, Any]) -> None:
        """Check the first training, so that a wrong optimizer or batch size leaves no run; print what is reused."""
        from pipeline.training.start import start

        self._replicates = len(tasks)
        unfinished = [task for task in tasks if not task.result.finished]
        if unfinished:
            start(unfinished[0], read_prepared(unfinished[0].prepared))
        report_reused(self.model, tasks, unfinished)
        self._reporter = Reporter(
            self.model, [task.replicate for task in unfinished], tasks[0].training.epochs, workers=1
        )

    def on_reused(self, task: Task) -> None:
        """Print nothing, because `on_tasks` has counted the reused replicates."""

    def training(self, task: Task) -> AbstractContextManager[None]:
        """Do nothing: an interrupted training keeps its checkpoints."""
        return nullcontext()

    def on_progress(self, progress: Progress) -> None:
        """Print the progress from time to time."""
        self._reporter(progress)

    def on_end(self, values: Mapping[str, float]) -> None:
        """Print the result."""
        say(
            f"{self.model} on {self.data}: validation loss {values['validation_loss']:.4f}, "
            f"accuracy {values['validation_accuracy']:.4f} (mean of {self._replicates})"
        )


def main(
    data: DataConfig,
    split: SplitConfig,
    model: ModelConfig,
    optimizer: OptimizerConfig,
    training: TrainingConfig,
    augmentation: AugmentationConfig,
    audit: AuditConfig,
    replicates: Replicates,
    snapshots: bool = True,
    workers: Workers = None,
    ray: RayConfig = RayConfig(),  # noqa: B008 (it is frozen)
    observer: Observer | None = None,
) -> float:
    """Train one configuration and return the mean validation loss of the kept weights.

    A replicate that has a finished result with the same fingerprint, from an experiment or from `dvc repro`, is not
    trained again. Without an `observer`, print the progress. With `workers: ray`, the replicates train on the nodes of
    the cluster, except those of a trial.

    Raises:
        UserError: `replicates` is `auto`.
    """
    if replicates == "auto":
        raise UserError(
            "`replicates` must be an integer at least 1 in an experiment. Received 'auto', which is for the comparison "
            "(conf/comparison.yaml): give a number."
        )
    if observer is None:
        observer = ConsoleObserver(model.name, data.name)
    tracker = Tracker.open(data.name)
    folder = prepared_folder(data, split, audit, replicates, report=say)
    manifest = read_manifest(folder)
    start_tensorflow(training.threads)
    from pipeline.training.replicate import train_replicate

    freeze_imports()
    network = make_network(model, manifest)
    sections: dict[str, Any] = {
        "data": data,
        "split": split,
        "optimizer": optimizer,
        "training": training,
        "augmentation": augmentation,
        "model": model,
    }
    configuration = {name: asdict(section) for name, section in sections.items()}
    with _planned(model.name, network, folder, replicates, optimizer, training, augmentation, snapshots) as tasks:
        reused = [task for task in tasks if task.result.finished]
        observer.on_tasks(tasks, configuration)
        _record_tuning(data.name, model.name, tasks[0], manifest)
        layers = network.summary(model.architecture)
        # MLflow shows all options, and a model file adopted from a trial only the given ones.
        logged = {**configuration, "model": {**configuration["model"], "options": layers["options"]}}
        augmented = augmentation_sheet(folder, augmentation) if observer.trial is None else None
        with logging_live(
            tracker,
            model.name,
            tasks,
            logged,
            manifest["digest"],
            layers=layers,
            augmented=augmented,
            trial=observer.trial,
        ) as log:
            on_progress = in_turn(log, observer.on_progress)
            if workers == "ray" and observer.trial is None:
                with closing(RayPool(ray.address)) as pool:
                    pool.train([task for task in tasks if task not in reused], on_progress=on_progress, predict=False)
            for task in tasks:
                if task in reused:
                    observer.on_reused(task)
                else:
                    with observer.training(task):
                        train_replicate(task, on_progress)
    values = _values(network, tasks, observer.objectives)
    observer.on_end(values)
    return values["validation_loss"]


def _record_tuning(data: str, model: str, task: Task, manifest: dict[str, Any]) -> None:
    """Record that this configuration is tuned on the images outside the test set."""
    record_look(
        looks_file(data),
        "tuned",
        test_set=untuned_digest(read_prepared(task.prepared)),
        configuration=task.configuration_fingerprint,
        model=model,
        commit=commit(),
    )


@contextmanager
def _planned(
    model: str,
    network: Network,
    prepared: Path,
    replicates: int,
    optimizer: OptimizerConfig,
    training: TrainingConfig,
    augmentation: AugmentationConfig,
    snapshots: bool,
) -> Iterator[list[Task]]:
    """The trainings of an experiment. The file of initial weights, if there is one, exists within the block."""
    from pipeline.training.initial import save_initial_weights

    with TemporaryDirectory() as scratch:
        initial_weights = None
        if network.started is not None:
            initial_weights = Path(scratch) / "initial_weights.npz"
            save_initial_weights(initial_weights, network.started)
        yield make_tasks(
            network.architecture,
            prepared,
            replicates,
            initial_weights=initial_weights,
            optimizer=optimizer,
            training=training,
            augmentation=augmentation,
            name=model,
            snapshots=snapshots,
        )


def _values(network: Network, tasks: Sequence[Task], objectives: Sequence[str]) -> dict[str, float]:
    """The objectives of sweeps, as means over the replicates; the ROC AUC only if it is among `objectives`."""
    records = [read_json(task.result.record) for task in tasks]

    def mean(name: str) -> float:
        return float(np.mean([record[name] for record in records]))

    values = {
        "validation_loss": mean("kept_loss"),
        "validation_accuracy": mean("kept_accuracy"),
        "parameters": network.parameters,
        "multiply_accumulates": network.multiply_accumulates,
        "seconds": mean("seconds"),
    }
    if "validation_roc_auc" in objectives:
        from pipeline.evaluation.validation_score import validation_roc_auc

        values["validation_roc_auc"] = float(np.mean([validation_roc_auc(task) for task in tasks]))
    return values
