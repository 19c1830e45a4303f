"""Scores of the predictions of two replicates, worked by hand."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.evaluation import scoring
from pipeline.evaluation.model_predictions import ModelPredictions


def test_each_replicate_is_scored_and_confusion_is_summed(predictions):
    by_replicate, confusion = scoring.score({"output": predictions}), scoring.confusion(predictions)
    assert {number: scores["accuracy"] for number, scores in by_replicate.items()} == {
        0: 3 / 4,
        1: pytest.approx(1 / 3),
    }
    assert confusion == [[2, 1, 0], [2, 1, 0], [0, 0, 1]]
    assert all(type(count) is int for row in confusion for count in row)


def test_spreads_are_mean_and_sample_deviation_of_the_metrics_that_all_replicates_have():
    spreads = scoring.spreads({0: {"accuracy": 0.5, "f1": 0.1, "roc_auc": 1.0}, 1: {"accuracy": 0.9, "f1": 0.1}})
    assert spreads == {
        "accuracy": {"mean": pytest.approx(0.7), "deviation": pytest.approx(0.4 / 2**0.5)},
        "f1": {"mean": pytest.approx(0.1), "deviation": pytest.approx(0)},
    }


def test_one_replicate_has_no_deviation():
    assert scoring.spreads({3: {"accuracy": 0.5}}) == {"accuracy": {"mean": 0.5}}


def test_the_class_table_has_a_row_for_each_prediction(predictions):
    table = scoring.class_table(predictions)
    assert list(table.itertuples(index=False, name=None)) == [
        ("ape", "ape"),
        ("bee", "ape"),
        ("cat", "cat"),
        ("ape", "ape"),
        ("bee", "ape"),
        ("bee", "bee"),
        ("ape", "bee"),
    ]


def test_a_further_output_is_scored_under_its_name(predictions, pair_predictions):
    by_replicate = scoring.score({"output": predictions, "same": pair_predictions})
    assert by_replicate[0]["accuracy"] == 3 / 4
    assert by_replicate[0]["same/accuracy"] == pytest.approx(2 / 3)
    assert by_replicate[1]["same/accuracy"] == pytest.approx(1 / 3)
    alone = scoring.score({"same": pair_predictions})
    assert {f"same/{name}" for name in alone[0]} == {name for name in by_replicate[0] if "/" in name}
    assert alone[0]["accuracy"] == by_replicate[0]["same/accuracy"]


def test_pairs_are_counted_by_the_classes_of_their_output(pair_predictions):
    assert scoring.confusion(pair_predictions) == [[1, 3], [0, 2]]
    rows = list(scoring.class_table(pair_predictions).itertuples(index=False, name=None))
    assert rows[:2] == [("same class", "same class"), ("different classes", "same class")]
    assert len(rows) == 6


def with_subgroups(predictions):
    """The same predictions, with images below 3 in one subgroup and the others in another."""
    return {
        number: replace(one, subgroups=np.where(one.images < 3, "low", "high")) for number, one in predictions.items()
    }


def test_a_subgroup_is_scored_by_its_own_images(predictions):
    scores = scoring.subgroup_scores(with_subgroups(predictions))
    assert {name: list(by_replicate) for name, by_replicate in scores.items()} == {"high": [0, 1], "low": [0, 1]}
    assert [scores["high"][replicate]["accuracy"] for replicate in (0, 1)] == [1, 0.5]
    assert [scores["low"][replicate]["accuracy"] for replicate in (0, 1)] == [0.5, 0]


def test_data_without_subgroups_have_no_subgroup_scores(predictions):
    assert scoring.subgroup_scores(predictions) == {}


def test_the_result_files_hold_scores_costs_and_confusion(predictions, pair_predictions):
    model = ModelPredictions(
        test={"output": predictions, "same": pair_predictions},
        validation={"output": predictions},
        seconds_per_image={0: 0.25, 1: 0.75},
    )
    records = [{"replicate": 0, "seconds": 10.0}, {"replicate": 1, "seconds": 30.0}]
    scores = scoring.score_file(model, records)
    assert (scores["question"], scores["classes"]) == ("output", ["ape", "bee", "cat"])
    assert scores["confusion"] == scoring.confusion(predictions)
    assert [one["scores"]["accuracy"] for one in scores["replicates"]] == [3 / 4, pytest.approx(1 / 3)]
    assert [set(one) for one in scores["replicates"]] == [
        {"replicate", "train_seconds", "scores", "validation", "seconds_per_image"}
    ] * 2

    network = {"parameters": 7, "multiply_accumulates": 49, "receptive_field": None}
    measured = scoring.metrics_file(scores, predictions, network)
    assert list(measured) == ["test", "validation", "subgroups", "cost"]
    assert measured["test"]["accuracy"]["mean"] == pytest.approx((3 / 4 + 1 / 3) / 2)
    assert "same/accuracy" in measured["test"] and "same/accuracy" not in measured["validation"]
    assert measured["cost"] == {
        "parameters": 7,
        "multiply_accumulates": 49,
        "train_seconds": 20.0,
        "seconds_per_image": 0.5,
    }
