"""Trainings of a study in real processes, on 1,797 digits of 5×5 pixels."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from pipeline.data.prepared import read_prepared
from pipeline.data.splits import TEST
from pipeline.errors import UserError
from pipeline.studies import trainings
from pipeline.studies.trainings import Candidate, train_candidates, tune_candidates

SETTINGS = ("data=digits_5x5", "split=resampled", "optimizer=sgd", "training=lecture", "augmentation=none")
SHORT = Candidate("logistic, 1 epoch", ("model=logistic", *SETTINGS, "training.epochs=1"))
LONG = Candidate("logistic, 3 epochs", ("model=logistic", *SETTINGS, "training.epochs=3"))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Two candidates, each trained twice, in a folder of their own."""
    folder = tmp_path_factory.mktemp("study")
    shutil.copytree("conf", folder / "conf")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield train_candidates([LONG, SHORT], replicates=2)


def test_candidates_are_trained_in_their_order_with_their_settings(trained):
    assert list(trained) == [LONG.label, SHORT.label]
    assert [len(task.result.epochs) for one in trained.values() for task in one.tasks] == [3, 3, 1, 1]


def test_parameters_and_operations_are_those_of_the_network(trained):
    one = trained[LONG.label]
    assert (one.parameters, one.multiply_accumulates, one.receptive_field) == (260, 250, None)


def test_scores_are_those_of_the_trained_network_on_its_own_test_images(trained):
    one = trained[LONG.label]
    prepared = read_prepared(one.prepared)
    for replicate, accuracy in enumerate(one.values("accuracy")):
        rows = prepared.indices(replicate, TEST)
        scaling = prepared.manifest["replicates"][replicate]
        images = (prepared.pixels[rows] - np.array(scaling["mean"])) / np.array(scaling["standard_deviation"])
        predicted = one.network(replicate).predict(images.astype(np.float32), verbose=0).argmax(axis=1)
        assert accuracy == pytest.approx((predicted == prepared.labels[rows]).mean())


def test_each_use_of_a_test_set_is_recorded(trained):
    lines = Path("data/test_sets/digits_5x5.looks.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines[1:]] == ["evaluated", "evaluated"]


def test_finished_trainings_are_reused(trained, monkeypatch, capsys):
    monkeypatch.setattr(trainings, "training_pool", lambda *_, **__: pytest.fail("trained again"))
    again = train_candidates([SHORT], replicates=2)[SHORT.label]
    assert again.scores == trained[SHORT.label].scores
    assert "Reusing 2 of 2 trainings" in capsys.readouterr().out


def test_tuning_gives_the_metric_on_validation_images_and_is_recorded_as_tuning(trained, monkeypatch):
    monkeypatch.setattr(trainings, "training_pool", lambda *_, **__: pytest.fail("trained again"))
    looks = Path("data/test_sets/digits_5x5.looks.csv")
    evaluated = looks.read_text()
    tuned = tune_candidates([SHORT], replicates=2, metric="accuracy")[SHORT.label]
    assert tuned.scores == tuple(one["accuracy"] for one in trained[SHORT.label].validation)
    assert tuned.seconds == trained[SHORT.label].seconds
    assert [line.split(",")[0] for line in looks.read_text().removeprefix(evaluated).splitlines()] == ["tuned"]


def test_labels_must_differ():
    with pytest.raises(ValueError, match="different labels"):
        train_candidates([SHORT, SHORT], replicates=1)


def test_pretrained_weights_are_rejected(trained, monkeypatch):
    network = trainings.make_network

    def pretrained(model, manifest):
        made = network(model, manifest)
        return type(made)(made.architecture, made.rows, started=object())

    monkeypatch.setattr(trainings, "make_network", pretrained)
    with pytest.raises(UserError, match="start from random weights"):
        train_candidates([SHORT], replicates=2)
