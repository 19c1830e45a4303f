"""Snapshots of trainings: they change no bit, take little time and survive interruptions."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from pipeline.data.prepared import read_prepared
from pipeline.data.splits import VALIDATION
from pipeline.storage.files import read_json
from pipeline.storage.folders import CheckpointFolder, SnapshotFolder
from pipeline.training.examples import Columns, portion

# Keras' variables do not implement the `copy` argument of `__array__`, which NumPy 2 expects.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)

MIXED = {"rotate": 20.0, "noise": 0.05, "mixup": 0.3, "cutmix": 1.0}


class Interruption(Exception):
    pass


@pytest.fixture(scope="module")
def replicate(tensorflow):
    from pipeline.training import replicate

    return replicate


@pytest.fixture
def every_epoch(monkeypatch, replicate):
    """Take a snapshot after every epoch, however long it takes."""
    monkeypatch.setattr("pipeline.training.snapshots.SHARE", np.inf)


@pytest.fixture
def train(project, replicate):
    def trained(task, stop_after=None):
        def on_progress(progress):
            if len(progress.history) == stop_after:
                raise Interruption

        if stop_after is None:
            replicate.train_replicate(task, on_progress)
            return task.result.snapshots
        with pytest.raises(Interruption):
            replicate.train_replicate(task, on_progress)
        return CheckpointFolder.of(task.fingerprint).snapshots

    return trained


def epochs(snapshots: SnapshotFolder) -> list[int]:
    return [int(epoch) for epoch in read_json(snapshots.predictions)["epochs"]]


@pytest.mark.parametrize(
    ("form", "changes"),
    [
        (None, {}),
        (None, {"loop": "explicit", "keep": "best"}),
        (None, MIXED),
        ("two inputs", {}),
        ("two outputs", {}),
        ("pairs", {}),
    ],
    ids=["fit", "explicit loop", "augmented and mixed", "two inputs", "two outputs", "pairs"],
)
def test_a_training_ends_with_the_same_bits_with_and_without_snapshots(
    every_epoch, train, tasks, outcome, replicate, form, changes
):
    """The network has batch normalisation and dropout, whose state a pass in training mode would change."""
    task = tasks(form=form, **changes)[0]
    assert epochs(train(task)) == list(range(7))
    expected = outcome(task.result)
    without = replace(task, snapshots=False, fingerprint="0" * 64)
    assert not train(without).folder.exists()
    found = outcome(without.result)
    assert (found.weights, found.history) == (expected.weights, expected.history)


def test_an_interrupted_training_keeps_its_snapshots(every_epoch, train, tasks):
    task = tasks()[0]
    before = train(task, stop_after=3)
    assert epochs(before) == [0, 1, 2, 3]
    first = before.maps(2).read_bytes()
    after = train(task)
    assert epochs(after) == [0, 1, 2, 3, 4, 5, 6]
    assert after.maps(2).read_bytes() == first


def test_only_the_first_replicate_has_snapshots_but_all_have_a_description(train, tasks):
    first, second = (train(task) for task in tasks())
    assert first.predictions.is_file()
    assert [file.name for file in second.folder.iterdir()] == ["training.json"]
    described = read_json(second.training)
    assert (described["replicate"], described["data"], described["epochs"]) == (1, "rows", 6)


@pytest.mark.parametrize(("share", "expected"), [(0.0, [0, 1, 30]), (np.inf, list(range(31)))])
def test_a_share_of_the_training_seconds_limits_the_snapshots(monkeypatch, train, tasks, share, expected):
    """Those before training, of the first and of the last epoch are taken in any case."""
    monkeypatch.setattr("pipeline.training.snapshots.SHARE", share)
    assert epochs(train(tasks(epochs=30)[0])) == expected


def test_long_trainings_have_a_limited_number_of_snapshots(monkeypatch, every_epoch, train, tasks):
    monkeypatch.setattr("pipeline.training.snapshots.MOST", 4)
    assert epochs(train(tasks(epochs=13)[0])) == [0, 1, 4, 8, 12, 13]


def test_the_predictions_are_those_of_the_network_on_the_shown_images(train, tasks):
    from pipeline.training.predict import trained_network
    from pipeline.training.snapshots import shown_examples

    task = tasks(classes=3)[0]
    content = read_json(train(task).predictions)
    validation = portion(read_prepared(task.prepared), 0, VALIDATION, Columns.of(task.architecture))
    shown = shown_examples(validation)
    assert content["images"] == [("a", "b", "c")[label] for label in shown.labels]
    assert content["images"][:3] == ["a", "b", "c"], "classes alternate"
    expected = np.asarray(trained_network(task.architecture, task.result)(shown.inputs[0]))
    np.testing.assert_allclose(content["epochs"]["6"], expected, atol=6e-5)


def test_a_pair_is_shown_side_by_side_with_what_is_predicted_of_it(train, tasks):
    snapshots = train(tasks(form="pairs")[0])
    content = read_json(snapshots.predictions)
    assert content["classes"] == ["different classes", "same class"]
    with Image.open(snapshots.image(0)) as picture:
        assert picture.size == (16, 8)
    np.testing.assert_allclose(np.sum(content["epochs"]["6"], axis=1), 1, atol=2e-4)


def test_the_maps_of_an_untrained_network_differ_from_those_of_a_trained_one(train, tasks):
    snapshots = train(tasks()[0])
    with Image.open(snapshots.maps(0)) as before, Image.open(snapshots.maps(6)) as after:
        assert before.size == after.size
        assert np.any(np.asarray(before) != np.asarray(after))
