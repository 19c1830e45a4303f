"""Groups of runs that can be compared in pairs."""

import dataclasses
from datetime import UTC, datetime

import pytest

from pipeline.statistics.analysis import analyse
from pipeline.tracking.find import Candidate
from pipeline.tracking.paired_runs import paired_runs, scores_by_data, shared_metrics
from tests.statistics.test_repeated_folds import FOLDS, folded


def experiment(name, *, data="elpv", split="group", day=1, model=None, **validated):
    return Candidate(
        name=name,
        model=model or name,
        run=name,
        data=data,
        digest=f"digest of {data}",
        finished=datetime(2026, 1, day, tzinfo=UTC),
        parameters={"split.strategy": split},
        values={},
        bound=False,
        seeds=("0",),
        output=None,
        predictions={},
        tested={},
        validated={metric: dict(enumerate(values)) for metric, values in validated.items()},
    )


def names(groups):
    return [[run.name for run in group.runs] for group in groups]


def test_only_runs_with_the_same_data_and_split_share_a_group_and_the_largest_comes_first():
    runs = [
        experiment("a", split="random", accuracy=[0.5, 0.6]),
        experiment("b", accuracy=[0.5, 0.6]),
        experiment("c", accuracy=[0.7, 0.8]),
        experiment("d", data="digits", accuracy=[0.7, 0.8]),
    ]
    groups = paired_runs(runs, "accuracy", 0.01)
    assert names(groups) == [["b", "c"], ["a"], ["d"]]
    assert [group.certainty is None for group in groups] == [False, True, True]
    assert groups[0].scores(runs[2], "accuracy") == [0.7, 0.8]


def test_a_metric_is_shared_if_all_runs_have_it():
    runs = [experiment("a", accuracy=[0.5], log_loss=[1.0]), experiment("b", log_loss=[2.0])]
    assert shared_metrics(runs) == ["log_loss"]


def test_several_data_sets_give_the_scores_of_the_models_that_all_have_by_their_newest_runs():
    runs = [
        experiment(f"{model} {data} {day}", data=data, model=model, day=day, accuracy=[score, score])
        for data in ("elpv", "digits")
        for model, day, score in (("a", 1, 0.5), ("b", 1, 0.6), ("a", 2, 0.75))
    ]
    runs.append(experiment("c", accuracy=[0.9, 0.9]))
    scores = scores_by_data(paired_runs(runs, "accuracy", 0.01))
    assert scores == {data: {"a": 0.75, "b": 0.6} for data in ("elpv", "digits")}


def test_models_on_one_data_set_are_not_ranked():
    runs = [experiment("a", accuracy=[0.5, 0.6]), experiment("b", accuracy=[0.5, 0.6])]
    assert scores_by_data(paired_runs(runs, "accuracy", 0.01)) is None


@pytest.fixture
def tested_folds():
    """Two models with predictions of repeated folds, one of them a baseline without parameters of the split."""
    predictions = folded(2, 3, gap=0.5)
    predictions["model 0"] = predictions["model 0"][: 2 * FOLDS]
    runs = [
        dataclasses.replace(
            experiment(name),
            output="class",
            predictions=dict(enumerate(ones)),
            parameters={} if name == "model 0" else {"split.strategy": "kfold", "split.folds": str(FOLDS)},
        )
        for name, ones in predictions.items()
    ]
    return predictions, runs


def test_repeated_folds_are_analysed_as_in_the_report(tested_folds):
    predictions, runs = tested_folds
    (group,) = paired_runs(runs, "accuracy", 0.01)
    assert group.certainty == analyse("accuracy", predictions, margin=0.01, folds=FOLDS)
    assert group.certainty.design == "folds"


def test_replicates_without_the_first_ones_are_not_analysed_as_folds(tested_folds):
    _, (one, other) = tested_folds
    later = {number: ones for number, ones in one.predictions.items() if number}
    (group,) = paired_runs([dataclasses.replace(one, predictions=later), other], "accuracy", 0.01)
    assert (group.certainty.design, group.certainty.replicates) == ("redrawn", 2 * FOLDS - 1)
