"""The hooks of an experiment, and what a single experiment prints. Data, network and training are stand-ins."""

import json
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipeline import experiment
from pipeline.config.schema import (
    AuditConfig,
    AugmentationConfig,
    DataConfig,
    ModelConfig,
    OptimizerConfig,
    SplitConfig,
    TrainingConfig,
)
from pipeline.training.task import Progress, Pruned

EPOCH = {"train/loss": 0.9, "val/loss": 0.5, "val/accuracy": 0.75, "seconds": 1.0}
SETTINGS = {
    "data": DataConfig("digits", "digits", {}),
    "split": SplitConfig("random", "random", 0.25, 0.15, None, None, 0),
    "model": ModelConfig("small", "lenet5"),
    "optimizer": OptimizerConfig("SGD", 0.1, {}, None),
    "training": TrainingConfig(2, 32, 256, "fit", "best", None, "none", 1, 0),
    "augmentation": AugmentationConfig(False, False, False, 0),
    "audit": AuditConfig(0.1, {}),
}


@dataclass
class Hooks:
    """An observer that records its calls; `pruned` stops the training after its first epoch."""

    trial: object = None
    objectives: tuple = ()
    pruned: bool = False
    calls: list = field(default_factory=list)

    def on_tasks(self, tasks, configuration):
        self.calls.append(("tasks", len(tasks), configuration["model"]["options"]))

    def on_reused(self, task):
        self.calls.append(("reused", task.replicate))

    @contextmanager
    def training(self, task):
        self.calls.append(("begin", task.replicate))
        yield
        self.calls.append(("end", task.replicate))

    def on_progress(self, progress):
        self.calls.append(("progress", progress.replicate, len(progress.history)))
        if self.pruned:
            raise Pruned

    def on_end(self, values):
        self.calls.append(("values", values))


@pytest.fixture
def stand_ins(monkeypatch, tmp_path):
    """Replace data, network, training and MLflow; `finished` holds the replicates that are trained already."""
    events = SimpleNamespace(finished=set(), looks=0, logged=None, checked=[])

    def tasks(architecture, folder, replicates, **settings):
        made = []
        for replicate in range(replicates):
            record = tmp_path / f"{replicate}.json"
            record.write_text(json.dumps({"kept_loss": 0.5 + replicate, "kept_accuracy": 0.75, "seconds": 2.0}))
            result = SimpleNamespace(finished=replicate in events.finished, record=record, epochs=[EPOCH])
            made.append(
                SimpleNamespace(
                    replicate=replicate,
                    result=result,
                    prepared=folder,
                    training=settings["training"],
                    configuration_fingerprint="f00d",
                )
            )
        return made

    def train(task, on_progress):
        for epoch in (1, 2):
            on_progress(Progress(task.replicate, [EPOCH] * epoch, last=epoch == 2))

    def look(*_, **__):
        events.looks += 1

    def logging(tracker, model, made, configuration, digest, *, layers, augmented, trial):
        events.logged = (configuration["model"], trial)
        return nullcontext(lambda progress: None)

    network = SimpleNamespace(
        architecture="{}",
        started=None,
        parameters=10,
        multiply_accumulates=20,
        summary=lambda name: {"options": {"activation": "tanh"}},
    )
    monkeypatch.setattr(experiment.Tracker, "open", lambda name: None)
    monkeypatch.setattr(experiment, "prepared_folder", lambda *_, **__: Path("prepared"))
    monkeypatch.setattr(experiment, "read_manifest", lambda folder: {"digest": "d1ce"})
    monkeypatch.setattr(experiment, "read_prepared", lambda folder: SimpleNamespace(splits=None))
    monkeypatch.setattr(experiment, "untuned_digest", lambda *_: "7e57")
    monkeypatch.setattr(experiment, "start_tensorflow", lambda threads: None)
    monkeypatch.setattr(experiment, "make_network", lambda model, manifest: network)
    monkeypatch.setattr(experiment, "make_tasks", tasks)
    monkeypatch.setattr(experiment, "record_look", look)
    monkeypatch.setattr(experiment, "logging_live", logging)
    monkeypatch.setattr("pipeline.training.replicate.train_replicate", train)
    monkeypatch.setattr("pipeline.training.start.start", lambda task, prepared: events.checked.append(task.replicate))
    return events


def test_hooks_are_called_in_order_and_reused_replicates_are_not_trained(stand_ins):
    stand_ins.finished = {0}
    hooks = Hooks()
    loss = experiment.main(**SETTINGS, replicates=2, observer=hooks)
    assert hooks.calls[:-1] == [
        ("tasks", 2, {}),
        ("reused", 0),
        ("begin", 1),
        ("progress", 1, 1),
        ("progress", 1, 2),
        ("end", 1),
    ]
    assert hooks.calls[-1][1] == {
        "validation_loss": 1.0,
        "validation_accuracy": 0.75,
        "parameters": 10,
        "multiply_accumulates": 20,
        "seconds": 2.0,
    }
    assert loss == 1.0


def test_the_roc_auc_is_computed_if_it_is_an_objective(stand_ins, monkeypatch):
    monkeypatch.setattr(
        "pipeline.evaluation.validation_score.validation_roc_auc", lambda task: (0.75, 0.25)[task.replicate]
    )
    hooks = Hooks(objectives=("validation_roc_auc",))
    experiment.main(**SETTINGS, replicates=2, observer=hooks)
    assert hooks.calls[-1][1]["validation_roc_auc"] == 0.5


def test_a_pruned_experiment_stops_and_has_no_values(stand_ins):
    hooks = Hooks(pruned=True)
    with pytest.raises(Pruned):
        experiment.main(**SETTINGS, replicates=2, observer=hooks)
    assert [call[0] for call in hooks.calls] == ["tasks", "begin", "progress"]


def test_mlflow_logs_all_options_below_the_trial(stand_ins):
    trial = object()
    experiment.main(**SETTINGS, replicates=1, observer=Hooks(trial=trial))
    assert stand_ins.logged == ({"name": "small", "architecture": "lenet5", "options": {"activation": "tanh"}}, trial)
    assert stand_ins.looks == 1


def test_a_single_experiment_prints_what_is_reused_and_its_result(stand_ins, capsys):
    stand_ins.finished = {0, 1}
    experiment.main(**SETTINGS, replicates=2)
    assert capsys.readouterr().out.splitlines() == [
        "small: reusing 2 of 2 replicates, which are already trained",
        "small on digits: validation loss 1.0000, accuracy 0.7500 (mean of 2)",
    ]
    assert stand_ins.checked == []


def test_an_invalid_training_is_rejected_before_anything_is_recorded(stand_ins, monkeypatch):
    def fail(task, prepared):
        raise ValueError("batch size")

    monkeypatch.setattr("pipeline.training.start.start", fail)
    with pytest.raises(ValueError, match="batch size"):
        experiment.main(**SETTINGS, replicates=1)
    assert stand_ins.looks == 0 and stand_ins.logged is None
