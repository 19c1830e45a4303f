"""What an experiment reports to its trial."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from pipeline.storage.folders import CheckpointFolder
from pipeline.sweeping.trial_observer import TrialObserver
from pipeline.training.task import Progress, Pruned

EPOCHS = [{"val/loss": 0.5, "val/accuracy": 0.8}]


class Trial:
    """Record everything that is reported."""

    objectives = ("validation_loss",)

    def __init__(self):
        self.attributes, self.values, self.completed = {}, [], None

    def set_attribute(self, name, value):
        self.attributes[name] = value

    def report(self, step, value, *, prunable):
        self.values.append((step, value, prunable))

    def complete(self, values):
        self.completed = values


def task(replicate, *, finished=False):
    return SimpleNamespace(
        replicate=replicate,
        fingerprint=f"{replicate}a",
        model_fingerprint="f00d",
        training=SimpleNamespace(epochs=3, keep="best"),
        result=SimpleNamespace(finished=finished, epochs=EPOCHS),
    )


@pytest.fixture
def observer(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return TrialObserver(Trial())


def test_the_trial_stores_its_settings_and_the_number_of_reused_replicates(observer):
    observer.on_tasks([task(0, finished=True), task(1)], {"model": {"name": "lenet5"}})
    assert observer.trial.attributes == {
        "configuration": {"model": {"name": "lenet5"}, "replicates": 2},
        "fingerprint": "f00d",
        "reused": 1,
    }


def test_only_a_new_training_may_be_pruned(observer):
    observer.on_tasks([task(0, finished=True), task(1)], {})
    observer.on_reused(task(0, finished=True))
    observer.on_progress(Progress(1, EPOCHS))
    assert observer.trial.values == [(1, 0.5, False), (4, 0.5, True)]


@pytest.mark.parametrize("existed", [True, False])
def test_a_pruned_trial_deletes_only_its_own_checkpoints(observer, existed):
    checkpoint = CheckpointFolder.of(task(0).fingerprint)
    checkpoint.folder.mkdir(parents=True)
    if existed:
        checkpoint.state.write_bytes(b"")
    with pytest.raises(Pruned), observer.training(task(0)):
        checkpoint.state.write_bytes(b"state")
        raise Pruned
    assert Path(checkpoint.folder).is_dir() == existed


def test_an_interrupted_trial_keeps_its_checkpoints(observer):
    checkpoint = CheckpointFolder.of(task(0).fingerprint)
    checkpoint.folder.mkdir(parents=True)
    with pytest.raises(KeyboardInterrupt), observer.training(task(0)):
        checkpoint.state.write_bytes(b"state")
        raise KeyboardInterrupt
    assert checkpoint.state.is_file()


def test_the_end_of_the_experiment_completes_the_trial(observer):
    observer.on_end({"validation_loss": 0.25})
    assert observer.trial.completed == {"validation_loss": 0.25}
