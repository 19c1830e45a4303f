import json
import re
from pathlib import Path

import numpy as np
import pytest

from pipeline.storage.processes import this_process
from pipeline.watch.watched_trainings import watched_models
from tests.watch.conftest import HISTORY, PROBABILITIES, write_checkpoint, write_result, write_run

GONE = re.sub("start=[0-9]+", "start=1", this_process())
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


DAMAGED = ["", "{", "[]", "3", "null", '{"replicates": [3]}', '{"epochs": {"x": [[1]]}}', "[" * 100_000, "\0\n" * 99]


@pytest.mark.parametrize("content", DAMAGED, ids=range(len(DAMAGED)))
def test_a_damaged_file_hides_no_other_training(project, content):
    write_run("cnn")
    write_run("old", snapshots=False)
    write_checkpoint("live", 2)
    write_result(Path(".convtrack/results/stored"), "stored")
    files = [file for suffix in ("json", "csv", "npz") for file in sorted(Path().rglob(f"*.{suffix}"))]
    assert len(files) == 15
    for file in files:
        intact = file.read_bytes()
        file.write_text(content)
        shown = {model.first.description["model"]: model.content() for model in watched_models()}
        file.write_bytes(intact)
        assert len(shown) >= 3
        for name in {"cnn", "live", "stored"} & shown.keys():
            assert name in str(file) or shown[name]["snapshots"][0]["probabilities"] == PROBABILITIES[0]


@pytest.mark.parametrize(
    "change",
    [
        {"epochs": "many"},
        {"learning_rate": []},
        {"batch_size": float("inf")},
        {"model": None, "data": {}},
        {"replicate": None},
        {"process": 3},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_description_with_another_type_hides_its_training_at_most(project, change):
    write_run("cnn")
    write_checkpoint("live", 1)
    file = Path(".convtrack/checkpoints/live-0/snapshots/training.json")
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    shown = [model.content() for model in watched_models()]
    assert "cnn" in [content["model"] for content in shown]
    json.dumps(shown, allow_nan=False)


def test_a_compressed_history_that_is_damaged_has_no_curve(project):
    folder = write_checkpoint("live", 1)
    np.savez_compressed(folder / "state.npz", history=np.array("[" + "1, " * 5000))
    content = bytearray((folder / "state.npz").read_bytes())
    content[80:120] = b"\xff" * 40
    (folder / "state.npz").write_bytes(content)
    (model,) = watched_models()
    assert model.content()["replicates"][0]["curves"]["val/loss"] == []


def test_more_probabilities_than_images_are_left_out(project):
    write_checkpoint("live", 1)
    file = Path(".convtrack/checkpoints/live-0/snapshots/predictions.json")
    file.write_text(json.dumps(json.loads(file.read_text()) | {"epochs": {"1": [[0.1, 0.2, 0.7]] * 3}}))
    (snapshot,) = watched_models()[0].content()["snapshots"]
    assert snapshot["probabilities"] == [[0.1, 0.2]] * 2


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
