"""From hand-written run folders to the values of a report."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.comparison import gather as comparing
from pipeline.comparison.gather import OTHER_TARGETS, SPLITS_IN_WORDS, gather_comparison
from pipeline.data.looks import record_look
from pipeline.data.splits import OWN_TESTS, STRATEGIES
from pipeline.errors import UserError
from pipeline.evaluation.predictions import Predictions, write_predictions
from pipeline.storage.folders import RunFolder, looks_file
from pipeline.training.examples import OUTPUTS

DATA = {"name": "cells", "source": "elpv", "options": {}}
MANIFEST = {
    "name": "cells",
    "source": "elpv",
    "licence": "CC0",
    "attribution": "nobody",
    "notes": ["made up"],
    "classes": ["sound", "cracked"],
    "image_shape": [4, 6, 3],
    "images": 60,
    "digest": "f00d",
    "settings": {"data": DATA, "split": {"strategy": "group"}},
    "replicates": [
        {
            "counts": {"train": {"sound": 20, "cracked": 16}},
            "balance": {"train": {"deviation": 0.01}, "test": {"deviation": 0.02}},
        },
        {
            "counts": {"train": {"sound": 19, "cracked": 17}},
            "balance": {"train": {"deviation": 0.03}, "test": {"deviation": 0.02}},
        },
    ],
}


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    """A working directory outside any repository."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.chdir(tmp_path)


def write(file: Path, content):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content))


def predictions_of(number, classes):
    """Four images of two subgroups: the first three are classified correctly, the last one wrongly."""
    return Predictions(
        images=np.arange(4) + number,
        partners=None,
        groups=np.array([0, 0, 1, 1]),
        subgroups=np.array(["mono", "mono", "poly", "poly"]),
        classes=np.array(classes),
        truth=np.array([0, 1, 0, 1]),
        probabilities=np.array([[1, 0], [0, 1], [1, 0], [0.75, 0.25]]),
        trained_on=36,
    )


def evaluated(model, scores, *, field=(7, 5), mistakes=b"", question="output", classes=("sound", "cracked")):
    """Write the run folder of a model, one mapping of scores for each replicate."""
    run = RunFolder.of(model)
    network = {"architecture": "lenet5", "parameters": 10, "multiply_accumulates": 100, "receptive_field": field}
    network |= {"largest_activation_bytes": 1000, "uncounted": []}
    write(run.layers, network)
    replicates = [
        {
            "replicate": number,
            "train_seconds": 2.0 + number,
            "scores": values,
            "validation": {name: value - 0.125 for name, value in values.items()},
            "seconds_per_image": 0.001,
        }
        for number, values in enumerate(scores)
    ]
    confusion = [[5, 1], [2, 4]]
    write(run.scores, {"question": question, "classes": classes, "replicates": replicates, "confusion": confusion})
    write_predictions(
        run.predictions, {question: {number: predictions_of(number, classes) for number in range(len(scores))}}
    )
    trained = {
        "model_fingerprint": f"fingerprint of {model}",
        "configuration": {"model": {"name": model, "options": {}}, "training": {"epochs": 3}},
        "replicates": [{"commit": "f1rst"}, {"commit": "s3cond"}],
    }
    write(run.replicates, trained)
    pd.DataFrame({"epoch": [1, 2], "val/loss": [0.5, 0.25], "replicate": [0, 0]}).to_csv(run.history, index=False)
    if mistakes:
        run.mistakes.write_bytes(mistakes)


def comparison(models, **changes):
    given = {"test_set": "t3st", "primary_metric": "accuracy", "margin": 0.01, "tracking_link": "http://here/#/"}
    return gather_comparison(models, MANIFEST, **given | changes)


@pytest.mark.parametrize(
    ("file", "key"),
    [
        ("layers", "uncounted"),
        ("layers", "largest_activation_bytes"),
        ("replicates", "configuration"),
        ("scores", "classes"),
    ],
)
def test_a_run_folder_of_another_version_raises_an_error_with_the_remedy(file, key):
    evaluated("a", [{"accuracy": 0.75}])
    path = getattr(RunFolder.of("a"), file)
    content = json.loads(path.read_text())
    del content[key]
    write(path, content)
    with pytest.raises(UserError, match=f"{path.name} is damaged or comes from another version"):
        comparison(["a"])


def test_every_score_has_one_value_for_each_replicate():
    evaluated("a", [{"accuracy": 0.75, "f1": 0.5}, {"accuracy": 0.8, "f1": 0.6}])
    (model,) = comparison(["a"]).models
    assert model.scores == {"accuracy": (0.75, 0.8), "f1": (0.5, 0.6)}
    assert model.costs["train_seconds"] == (2.0, 3.0)
    assert model.costs["seconds_per_image"] == (0.001, 0.001)
    assert comparison(["a"]).replicates == 2


def test_a_score_that_some_replicate_lacks_is_left_out():
    evaluated("a", [{"accuracy": 0.75, "roc_auc": 0.5}, {"accuracy": 0.8}])
    assert set(comparison(["a"]).models[0].scores) == {"accuracy"}


def test_costs_history_and_confusion_come_from_their_files():
    evaluated("a", [{"accuracy": 0.75}])
    (model,) = comparison(["a"]).models
    assert (model.name, model.architecture) == ("a", "lenet5")
    assert (model.mean_cost("parameters"), model.mean_cost("multiply_accumulates"), model.receptive_field) == (
        10,
        100,
        (7, 5),
    )
    assert model.history["val/loss"].tolist() == [0.5, 0.25]
    assert np.array_equal(model.confusion, [[5, 1], [2, 4]])


def test_validation_scores_are_shown_next_to_test_scores_and_each_subgroup_has_its_own():
    evaluated("a", [{"accuracy": 0.75}, {"accuracy": 0.75}])
    (model,) = comparison(["a"]).models
    assert model.validation == {"accuracy": (0.625, 0.625)}
    assert model.subgroups["mono"]["accuracy"] == (1.0, 1.0)
    assert model.subgroups["poly"]["accuracy"] == (0.5, 0.5)


def test_calibration_is_that_of_all_replicates_together():
    evaluated("a", [{"accuracy": 0.75}, {"accuracy": 0.75}])
    calibration = comparison(["a"]).models[0].calibration
    assert calibration.images.tolist() == [2, 6]
    assert calibration.confidence.tolist() == [0.75, 1.0]
    assert calibration.accuracy.tolist() == [0.0, 1.0]


def test_a_model_has_the_commit_fingerprint_and_command_that_reproduce_it():
    evaluated("a", [{"accuracy": 0.75}])
    (model,) = comparison(["a"]).models
    assert dict(model.configuration) == {"model.name": "a", "training.epochs": 3}
    assert (model.fingerprint, model.commit) == ("fingerprint of a", "f1rst")
    assert model.mean_cost("disk_bytes") == sum(
        file.stat().st_size for folder in ("networks/a", "runs/a") for file in Path(folder).rglob("*.*")
    )


def test_certainty_covers_the_models_that_predict_the_class_of_an_image():
    evaluated("a", [{"accuracy": 0.75}])
    evaluated("b", [{"accuracy": 0.75}], question="same", classes=("different classes", "same class"))
    certainty = comparison(["a", "b"]).certainty
    assert [estimate.model for estimate in certainty.estimates] == ["a"]
    assert (certainty.metric, certainty.margin, certainty.estimates[0].mean) == ("accuracy", 0.01, 0.75)


def look(purpose, test_set, configuration):
    record_look(looks_file("cells"), purpose, test_set=test_set, configuration=configuration, model="m", commit="c")


def fitted(name, scores):
    """Write the run folder of a baseline."""
    evaluated(name, scores)
    run = RunFolder.of(name)
    shutil.rmtree(run.network)
    shutil.rmtree(run.train)
    sizes = {"parameters": 1, "multiply_accumulates": 0, "largest_activation_bytes": 8}
    write(run.baseline, {"description": "always predicting sound", "fingerprint": "f1t", "commit": "c0de", **sizes})


def test_a_baseline_is_a_model_without_network_settings_and_history():
    evaluated("a", [{"accuracy": 0.75}, {"accuracy": 0.8}])
    fitted("prior", [{"accuracy": 0.5}, {"accuracy": 0.5}])
    found = comparison(["a", "prior"])
    assert found.baselines == {"prior": "always predicting sound"}
    assert [model.name for model in found.networks] == ["a"]
    prior = found.models[1]
    assert (prior.receptive_field, prior.fingerprint, prior.commit, len(prior.history)) == (None, "f1t", "c0de", 0)
    assert (prior.mean_cost("parameters"), prior.costs["train_seconds"]) == (1, (2.0, 3.0))
    assert {estimate.model for estimate in found.certainty.estimates} == {"a", "prior"}
    assert set(found.by_class) == {"a", "prior"}


def test_baselines_are_not_compared_if_no_network_predicts_the_class_of_an_image():
    evaluated("pairs", [{"accuracy": 0.75}], question="same")
    fitted("prior", [{"accuracy": 0.5}])
    assert comparison(["pairs", "prior"]).certainty.estimates == ()


def test_a_comparison_counts_the_uses_of_its_test_images():
    evaluated("a", [{"accuracy": 0.75}])
    assert (comparison(["a"]).reuse.evaluated, comparison(["a"]).reuse.tuned) == (0, 0)
    for purpose, test_set, configuration in [
        ("evaluated", "t3st", "f1"),
        ("evaluated", "t3st", "f2"),
        ("evaluated", "other", "f3"),
        ("tuned", "t3st", "f4"),
        ("tuned", "other", "f5"),
    ]:
        look(purpose, test_set, configuration)
    assert (comparison(["a"]).reuse.evaluated, comparison(["a"]).reuse.tuned) == (2, 1)


@pytest.mark.parametrize("strategy", OWN_TESTS)
def test_redrawn_test_sets_count_every_tuned_configuration(strategy, monkeypatch):
    evaluated("a", [{"accuracy": 0.75}])
    look("tuned", "t3st", "f4")
    monkeypatch.setitem(
        MANIFEST, "settings", {"data": DATA, "split": {"strategy": strategy, "folds": 5, "tuning_share": None}}
    )
    assert comparison(["a"]).reuse.tuned == 1


def test_tuning_on_the_tuning_groups_of_kfold_does_not_count(monkeypatch):
    evaluated("a", [{"accuracy": 0.75}])
    look("tuned", "t3st", "f4")
    look("tuned", "other", "f5")
    monkeypatch.setitem(
        MANIFEST, "settings", {"data": DATA, "split": {"strategy": "kfold", "folds": 5, "tuning_share": 0.25}}
    )
    assert comparison(["a"]).reuse.tuned == 1
    assert comparison(["a"]).data.split_strategy == SPLITS_IN_WORDS["kfold_tuned"]


def test_a_network_without_a_receptive_field_has_none():
    evaluated("a", [{"accuracy": 0.75}], field=None)
    assert comparison(["a"]).models[0].receptive_field is None


def test_a_model_names_its_classes_and_any_other_target():
    evaluated("a", [{"accuracy": 0.75}])
    evaluated("b", [{"accuracy": 0.75}], question="same", classes=("different classes", "same class"))
    evaluated("c", [{"accuracy": 0.75}], question="subgroup", classes=("mono", "poly"))
    a, b, c = comparison(["a", "b", "c"]).models
    assert (a.other_target, a.classes) == (None, ("sound", "cracked"))
    assert (b.other_target, b.classes) == (
        "whether two images show the same class",
        ("different classes", "same class"),
    )
    assert (c.other_target, c.classes) == ("the subgroup of an image", ("mono", "poly"))


def test_every_output_other_than_the_class_has_a_description():
    assert set(OTHER_TARGETS) == set(OUTPUTS) - {"output"}


def test_other_run_folders_are_ignored_and_the_order_is_kept():
    for model in ("a", "b", "c"):
        evaluated(model, [{"accuracy": 0.75}])
    assert [model.name for model in comparison(["c", "a"]).models] == ["c", "a"]


def test_mistakes_are_shown_if_there_are_any():
    evaluated("a", [{"accuracy": 1.0}])
    evaluated("b", [{"accuracy": 0.75}], mistakes=b"png")
    assert comparison(["a", "b"]).mistakes == {"b": b"png"}


def test_a_missing_evaluation_names_the_command_that_creates_it():
    evaluated("a", [{"accuracy": 0.75}])
    with pytest.raises(
        UserError, match=r"^runs/b/evaluate/predictions\.npz is missing\. Run `dvc repro` to create it\.$"
    ):
        comparison(["a", "b"])


def test_a_truncated_history_is_reported_as_damaged():
    evaluated("a", [{"accuracy": 0.75}])
    file = RunFolder.of("a").history
    file.write_text(file.read_text().rstrip().rpartition(",")[0])
    with pytest.raises(UserError, match=r"^runs/a/train/history\.csv is damaged"):
        comparison(["a"])


def test_the_description_of_the_data_comes_from_their_manifest():
    evaluated("a", [{"accuracy": 0.75}])
    data = comparison(["a"]).data
    assert (data.name, data.licence, data.attribution) == ("cells", "CC0", "nobody")
    assert (data.classes, data.image_shape, data.images) == (("sound", "cracked"), (4, 6, 3), 60)
    assert data.counts == {"train": {"sound": 20, "cracked": 16}}
    assert data.notes == ("made up",)


@pytest.mark.parametrize(
    ("name", "path", "title"),
    [
        ("folder", "data/images", "data/images"),
        ("folder", "/home/me/parts", "parts"),
        ("parts_2026", "data/images", "parts_2026"),
    ],
)
def test_own_images_are_titled_by_their_configuration_or_their_folder(monkeypatch, name, path, title):
    evaluated("a", [{"accuracy": 0.75}])
    data = {"name": name, "source": "folder", "options": {"path": path}}
    monkeypatch.setitem(MANIFEST, "name", name)
    monkeypatch.setitem(MANIFEST, "settings", {"data": data, "split": {"strategy": "group"}})
    assert comparison(["a"]).data.title == title


def test_the_deviation_is_the_largest_of_all_splits_and_replicates():
    evaluated("a", [{"accuracy": 0.75}])
    assert comparison(["a"]).data.largest_deviation == 0.03


def test_every_split_strategy_has_a_description():
    assert set(SPLITS_IN_WORDS) == {*STRATEGIES, "kfold_tuned"}
    evaluated("a", [{"accuracy": 0.75}])
    assert comparison(["a"]).data.split_strategy == SPLITS_IN_WORDS["group"]


def test_a_comparison_records_its_code_and_its_data(monkeypatch):
    evaluated("a", [{"accuracy": 0.75}])
    monkeypatch.setattr(comparing, "commit", lambda: "c0ffee")
    monkeypatch.setattr(comparing, "dirty", lambda: True)
    found = comparison(["a"], tracking_link=None)
    assert (found.commit, found.dirty, found.data_digest, found.tracking_link) == ("c0ffee", True, "f00d", None)
    assert found.versions["keras"]
