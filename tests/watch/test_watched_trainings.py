from pathlib import Path

import pytest

from pipeline.storage.processes import this_process
from pipeline.watch.watched_trainings import watched_models
from tests.watch.conftest import HISTORY, PROBABILITIES, write_checkpoint, write_result, write_run

GONE = this_process().rsplit(" ", 1)[0] + " 1"
"""A process with this number that started at another time."""


# Named: a number of a process in a test's name would differ between the workers of pytest-xdist.
@pytest.mark.parametrize(
    ("process", "state"),
    [(None, "running"), (GONE, "interrupted"), ("", "interrupted")],
    ids=["trains", "process is gone", "ended"],
)
def test_an_unfinished_training_runs_as_long_as_its_process_trains_it(project, process, state):
    write_checkpoint("cnn", 2, process=process)
    (model,) = watched_models()
    assert model.state == state
    content = model.content()
    assert content["replicates"][0]["curves"]["val/loss"] == [epoch["val/loss"] for epoch in HISTORY[:2]]
    assert content["epochs"] == 4
    assert [one["epoch"] for one in content["snapshots"]] == [0, 1]


def test_before_its_first_epoch_a_training_has_no_curve(project):
    write_checkpoint("cnn", 0)
    (model,) = watched_models()
    content = model.content()
    assert content["replicates"][0]["curves"]["train/loss"] == []
    assert [one["epoch"] for one in content["snapshots"]] == [0]


def test_running_trainings_come_first_and_then_the_latest(project, monkeypatch):
    import os

    for place, name in enumerate(("old", "new")):
        folder = write_run(name)
        os.utime(folder / "train/replicate-0/record.json", (place, place))
    write_checkpoint("live", 1)
    assert [model.first.description["model"] for model in watched_models()] == ["live", "new", "old"]


def test_a_training_in_the_comparison_and_among_the_stored_results_is_one(project):
    write_run("cnn", 2)
    write_result(Path(".convtrack/results/cnn-0"), "cnn")
    write_result(Path(".convtrack/results/cnn-1"), "cnn", replicate=1)
    (model,) = watched_models()
    assert [training.replicate for training in model.trainings] == [0, 1]
    assert model.state == "finished"


def test_replicates_that_are_trained_join_those_that_are_finished(project):
    write_result(Path(".convtrack/results/cnn-0"), "cnn")
    write_checkpoint("cnn", 1, replicate=1)
    (model,) = watched_models()
    assert [training.state for training in model.trainings] == ["finished", "running"]
    assert model.state == "running"


def test_a_finished_training_is_replayed_from_its_snapshots(project):
    write_run("cnn")
    content = watched_models()[0].content()
    assert {one["epoch"]: one["probabilities"] for one in content["snapshots"]} == PROBABILITIES
    assert all(one["kernels"] and one["maps"] for one in content["snapshots"])
    assert content["epochs"] == 3


def test_a_model_without_snapshots_shows_its_kernels_and_its_settings(project):
    write_run("old", snapshots=False)
    (model,) = watched_models()
    content = model.content()
    assert [(one["epoch"], one["kernels"], one["maps"]) for one in content["snapshots"]] == [
        (epoch, True, False) for epoch in (0, 1, 2, 3)
    ]
    assert (content["data"], content["settings"]) == ("cells", "Adam, rate 0.001, batches of 16")
    assert model.picture("kernels", 2).name == "kernels-00002.png"
    assert model.picture("maps", 2) is None


def test_only_the_named_model_or_folder_is_shown(project):
    write_run("cnn")
    write_run("mlp")
    checkpoint = write_checkpoint("live", 1)

    def names(**which):
        return [model.first.description["model"] for model in watched_models(**which)]

    assert names(model="mlp") == ["mlp"]
    assert names(folder=Path("runs/cnn")) == ["cnn"]
    assert names(folder=Path("runs/cnn/train/replicate-0")) == ["cnn"]
    assert names(folder=checkpoint) == ["live"]
    assert names(folder=Path("runs")) == []


@pytest.mark.parametrize(
    "damage", ["{", '{"model": 3}', "", "[]", '{"process": 3}', '{"process": "", "replicate": "a"}']
)
def test_a_file_that_is_being_written_hides_its_training_only(project, damage):
    write_run("cnn")
    write_checkpoint("live", 1)
    Path(".convtrack/checkpoints/live-0/snapshots/training.json").write_text(damage)
    assert [model.first.description["model"] for model in watched_models()] == ["cnn"]


def test_every_epoch_changes_the_version(project):
    write_checkpoint("cnn", 1)
    before = watched_models()[0].summary()["version"]
    assert watched_models()[0].summary()["version"] == before
    write_checkpoint("cnn", 2)
    assert watched_models()[0].summary()["version"] != before


@pytest.mark.parametrize("damage", ["", "[]", "{}", '{"classes": [], "images": [], "epochs": {"a": []}}'])
def test_a_training_with_unreadable_predictions_and_history_shows_its_kernels(project, damage):
    folder = write_run("cnn") / "train/replicate-0"
    (folder / "snapshots/predictions.json").write_text(damage)
    (folder / "history.csv").write_text("epoch,val/loss\n1,x\n")
    content = watched_models()[0].content()
    assert [one["epoch"] for one in content["snapshots"]] == [0, 1, 2, 3]
    assert (content["images"], content["replicates"][0]["curves"]["val/loss"]) == ([], [])
