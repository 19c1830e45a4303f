import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pipeline.data.splits import VALIDATION
from pipeline.storage.files import read_json
from pipeline.storage.folders import CheckpointFolder, ResultFolder
from pipeline.training.environment import training_environment

# Keras' variables do not implement the `copy` argument of `__array__`, which NumPy 2 expects.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)

PATIENT = {"keep": "best", "patience": 2, "epochs": 30}
"""A training that ends before its time, with weights kept from an epoch before the last."""


AUGMENTED = {
    "vertical_flip": True,
    "quarter_turns": True,
    "rotate": 20.0,
    "zoom": 0.2,
    "brightness": 0.1,
    "contrast": 0.2,
    "noise": 0.05,
    "cutout": 0.3,
    "mixup": 0.3,
    "cutmix": 1.0,
}


class Interruption(Exception):
    pass


@pytest.fixture(scope="module")
def replicate(tensorflow):
    from pipeline.training import replicate

    return replicate


@pytest.fixture
def train(project, replicate):
    """Train in this working directory, optionally until an epoch; return the lengths of the reported histories."""

    def trained(task, *, interrupted_after=None):
        reported = []

        def on_progress(progress):
            reported.append(len(progress.history))
            if len(progress.history) == interrupted_after:
                raise Interruption

        if interrupted_after is None:
            replicate.train_replicate(task, on_progress)
        else:
            with pytest.raises(Interruption):
                replicate.train_replicate(task, on_progress)
        return reported

    return trained


@pytest.fixture(scope="module")
def uninterrupted(tasks, replicate, tmp_path_factory):
    """The result of training replicate 0 in its own working directory, without interruption."""
    known = {}

    def trained(**changes):
        key = tuple(changes.items())
        if key not in known:
            with pytest.MonkeyPatch.context() as patch:
                patch.chdir(tmp_path_factory.mktemp("uninterrupted"))
                task = tasks(**changes)[0]
                replicate.train_replicate(task, lambda progress: None)
                known[key] = ResultFolder(task.result.folder.resolve())
        return known[key]

    return trained


def test_a_seed_gives_the_same_bits_whatever_the_process_trained_before(uninterrupted, tasks, train, outcome):
    expected = outcome(uninterrupted())
    other_seed, other_replicate, same = tasks(seed=1)[0], tasks()[1], tasks()[0]
    train(other_seed)
    train(other_replicate)
    train(same)
    assert outcome(same.result) == expected
    for other in (other_seed, other_replicate):
        for path, values in outcome(other.result).weights.items():
            assert values != expected.weights[path]


@pytest.mark.parametrize(
    ("changes", "epoch"),
    [({}, 3), (PATIENT, 2), (AUGMENTED, 2)],
    ids=["the last weights", "the best weights, with patience", "all kinds of augmentation"],
)
def test_an_interrupted_training_ends_where_an_uninterrupted_one_ends(
    uninterrupted, tasks, train, outcome, changes, epoch
):
    task = tasks(**changes)[0]
    assert train(task, interrupted_after=epoch) == list(range(epoch + 1))
    assert not task.result.finished
    expected = outcome(uninterrupted(**changes))
    assert train(task) == list(range(epoch + 1, expected.record["epochs"] + 1))
    assert outcome(task.result) == expected


def test_a_training_interrupted_after_its_last_epoch_only_stores_its_result(uninterrupted, tasks, train, outcome):
    task = tasks()[0]
    train(task, interrupted_after=6)
    assert not task.result.finished
    assert train(task) == []
    assert outcome(task.result) == outcome(uninterrupted())


@pytest.mark.parametrize("file", ["state", "best"])
def test_a_training_with_a_damaged_checkpoint_begins_again_and_ends_with_the_same_bits(
    uninterrupted, tasks, train, outcome, file
):
    task = tasks()[0]
    train(task, interrupted_after=3)
    damaged = getattr(CheckpointFolder.of(task.fingerprint), file)
    content = damaged.read_bytes()
    middle = len(content) // 2
    damaged.write_bytes(content[:middle] + bytes(64) + content[middle + 64 :])
    assert train(task) == list(range(7))
    assert outcome(task.result) == outcome(uninterrupted())


@pytest.mark.parametrize("file", ["weights", "history", "record"])
def test_a_result_with_a_changed_bit_is_trained_again_and_has_the_same_bits(uninterrupted, tasks, train, outcome, file):
    task = tasks()[0]
    train(task)
    changed = getattr(task.result, file)
    content = bytearray(changed.read_bytes())
    content[len(content) // 2] ^= 1
    changed.write_bytes(content)
    assert not task.result.finished
    assert train(task) == list(range(7))
    assert outcome(task.result) == outcome(uninterrupted())


def test_patience_keeps_the_best_epochs_weights(uninterrupted):
    result = uninterrupted(**PATIENT)
    history, record = pd.read_csv(result.history), read_json(result.record)
    assert record["environment"] == training_environment(1)
    best = int(history["val/loss"].idxmin())
    assert len(history) < 30
    assert record["epochs"] == len(history) == best + 1 + 2
    assert record["kept_epoch"] == best + 1
    assert record["kept_loss"] == history["val/loss"].min()
    assert record["kept_accuracy"] == history["val/accuracy"][best]
    assert len(history) in result.pictures, "the kernels are shown as they are in the end"


def test_the_kept_weights_have_the_recorded_loss_on_all_validation_images(uninterrupted, architecture, portion):
    from sklearn.metrics import log_loss

    from pipeline.training.predict import trained_network

    result = uninterrupted(**PATIENT)
    held_out = portion(VALIDATION)
    positions = np.arange(len(held_out))
    (images,), (truth,) = held_out.inputs(positions), held_out.targets(positions)
    predicted = np.asarray(trained_network(architecture(), result)(images), np.float64)
    record = read_json(result.record)
    assert record["kept_loss"] == pytest.approx(log_loss(truth, predicted[:, 0]), rel=1e-5)
    assert record["kept_accuracy"] == pytest.approx(np.mean((predicted[:, 0] > 0.5) == truth))


def test_a_finished_training_leaves_only_its_result(tasks, train):
    task = tasks(epochs=5)[0]
    train(task)
    folder = task.result.folder
    pictures = [f"kernels-{epoch:05d}.png" for epoch in (0, 1, 2, 4, 5)]
    assert sorted(file.name for file in folder.iterdir()) == [
        *["digests.json", "history.csv"],
        *["kept.weights.h5", *pictures],
        "record.json",
        "snapshots",
    ]
    assert [file.name for file in task.result.pictures.values()] == pictures
    with Image.open(folder / pictures[0]) as picture:
        picture.verify()
    record = read_json(task.result.record)
    assert (record["fingerprint"], record["model_fingerprint"]) == (task.fingerprint, task.model_fingerprint)
    history = pd.read_csv(task.result.history)
    assert history["epoch"].tolist() == [1, 2, 3, 4, 5]
    assert record["seconds"] == pytest.approx(history["seconds"].sum())
    assert not CheckpointFolder.of(task.fingerprint).folder.exists()

    before = {file: file.stat().st_mtime_ns for file in folder.iterdir()}
    assert train(task) == [], "what is finished is not trained again"
    assert {file: file.stat().st_mtime_ns for file in folder.iterdir()} == before
