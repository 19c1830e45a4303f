"""`convtrack compare --group-by` on runs that this project has not made."""

import shutil

import mlflow
import numpy as np
import pytest
from mlflow.entities import Metric, Param

from pipeline.cli import groups_text
from pipeline.cli.commands import compare
from pipeline.errors import UserError
from pipeline.statistics.run_groups import Group


@pytest.fixture
def log(tmp_path, monkeypatch, empty_store):
    """Log runs of a group: one per value, with its number as the seed; in a folder without a project."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    shutil.copy(empty_store, tmp_path / "their.db")
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path}/their.db")
    experiment = client.create_experiment("cifar")

    def log_runs(model, values, *, metric="val_accuracy", seeds=True):
        for number, value in enumerate(values):
            run = client.create_run(experiment).info.run_id
            params = [Param("model", model), *([Param("seed", str(number))] if seeds else [])]
            client.log_batch(run, metrics=[Metric(metric, value, 0, 0)], params=params)
            client.set_terminated(run)

    return log_runs


def output_of(capsys, *arguments, metric="val_accuracy"):
    compare.main(["--group-by", "params.model", "--metric", metric, "--store", "their.db", *arguments])
    output = capsys.readouterr().out
    assert "nan" not in output
    return output


def error_message(*arguments):
    with pytest.raises(UserError) as error:
        compare.main(list(arguments))
    assert str(error.value).endswith(".") and "\n" not in str(error.value)
    return str(error.value)


SPREAD = np.array([-3, -2, -1, 0, 1, 2, 3]) / 1000


def test_runs_with_equal_seeds_are_compared_in_pairs_and_the_output_says_so(log, capsys):
    log("cnn", 0.9 + SPREAD)
    log("mlp", 0.8 - SPREAD)
    log("tree", 0.8005 - SPREAD[::-1] / 2)
    output = output_of(capsys)
    assert output.startswith("21 runs of experiment cifar by val_accuracy (higher is better, last logged value, margin")
    assert "Paired by params.seed: t test and sign-flip test" in output
    assert "cnn is better than mlp: val_accuracy 0.100 higher (95 % interval 0.096 to 0.104), better in 7" in output
    assert "tree and mlp are practically the same" in output
    assert output.endswith("Use cnn (val_accuracy 0.900): it is better than mlp and tree.\n")


def test_without_a_seed_the_groups_are_independent_samples(log, capsys):
    log("cnn", 0.9 + SPREAD, seeds=False)
    log("mlp", 0.8 + SPREAD, seeds=False)
    output = output_of(capsys)
    assert "Not paired by a seed or fold. Groups are compared as independent samples: Welch's t test" in output
    assert "a run of it is better in 100 % of all combinations" in output
    assert "Use cnn" in output


def test_a_metric_without_known_bounds_has_no_margin(log, capsys):
    log("cnn", 190 + SPREAD, metric="val_loss")
    log("mlp", 190 + SPREAD[::-1], metric="val_loss")
    output = output_of(capsys, metric="val_loss")
    assert "(lower is better, last logged value)" in output
    assert "No verdict on" in output and "No clear winner between" in output
    assert "practically the same" in output_of(capsys, "--margin", "0.1", metric="val_loss")


def test_accuracies_in_per_cent_have_no_margin(log, capsys):
    log("cnn", 90 + 100 * SPREAD)
    log("mlp", 91 + 100 * SPREAD)
    assert "margin" not in output_of(capsys)


def test_a_difference_that_shows_too_rarely_is_not_called_a_margin(log, capsys):
    values = np.random.default_rng(0).normal(0, 1, 150)
    log("cnn", 100 + values, metric="val_loss", seeds=False)
    log("mlp", 100.3 + values, metric="val_loss", seeds=False)
    output = output_of(capsys, metric="val_loss")
    assert "significant, but a run of it is better in" in output
    assert "practically the same; where one is ahead, it is ahead too rarely to matter. Use the cheapest" in output


def test_too_few_runs_end_with_the_number_that_is_needed(log, capsys):
    log("cnn", [0.9, 0.91, 0.92], seeds=False)
    log("mlp", [0.5], seeds=False)
    output = output_of(capsys)
    assert "With 3 and 1 runs no test can show a difference: at least 4 runs per group are needed." in output


def test_a_diverged_run_takes_its_group_out_of_the_comparison(log, capsys):
    log("cnn", [0.9, float("inf"), 0.9])
    log("mlp", [0.5, 0.5, 0.5])
    output = output_of(capsys)
    assert "Not compared, because the value of a run is not a finite number: cnn." in output
    assert "Only mlp has a finite val_accuracy in every run, so there is nothing to compare." in output


def test_the_direction_of_an_unknown_metric_must_be_given(log, capsys):
    log("cnn", 0.9 + SPREAD, metric="wobble")
    log("mlp", 0.8 + SPREAD, metric="wobble")
    arguments = ("--group-by", "params.model", "--metric", "wobble", "--store", "their.db")
    assert "does not show whether higher or lower is better: add --lower-is-better" in error_message(*arguments)
    assert "Use mlp" in output_of(capsys, "--lower-is-better", metric="wobble")
    assert "Use cnn" in output_of(capsys, "--no-lower-is-better", metric="wobble")


def test_arguments_that_do_not_fit_together_are_rejected():
    assert error_message().startswith("compare needs runs: name at least two of them, or groups")
    assert "belong to --group-by" in error_message("a", "b", "--where", "params.x = '1'")
    assert "use --where for a filter" in error_message("a", "--group-by", "params.model", "--metric", "f1")
    assert "add --metric" in error_message("--group-by", "params.model")
    assert "--figure draws ranks" in error_message("--group-by", "params.m", "--metric", "f1", "--figure", "x.png")
    assert "There is no store their.db" in error_message(
        "--group-by", "params.m", "--metric", "f1", "--store", "their.db"
    )


def test_equal_values_without_a_margin_are_called_equal(log, capsys):
    log("cnn", [2.5] * 5, metric="score")
    log("mlp", [2.5] * 5, metric="score")
    output = output_of(capsys, "--no-lower-is-better", metric="score")
    assert "practically the same: all 5 pairs have equal values." in output
    assert "practically the same (equal values). Use the cheapest of them." in output
    assert "−0.0" not in output and "margin" not in output


def test_groups_of_different_sizes_with_equal_values_are_called_equal(log, capsys):
    log("cnn", [0.1] * 3, metric="score", seeds=False)
    log("mlp", [0.1] * 7, metric="score", seeds=False)
    output = output_of(capsys, "--no-lower-is-better", metric="score")
    assert "practically the same: all 3 and 7 runs have equal values." in output


def test_a_rounded_zero_has_no_sign():
    groups = [Group("a", 3, 0.5, 0.1, 0.4, 0.6), Group("b", 3, 0.4, 0.1, 0.3, 0.5)]
    assert groups_text._writer(groups)(-1e-9) == "0.000"


@pytest.mark.parametrize(
    ("scale", "mean", "difference"), [(1e-12, "1e−12", "5e−13"), (1e300, "1e300", "5e299"), (1e12, "1e12", "5e11")]
)
def test_very_small_and_large_numbers_have_a_power_of_ten(scale, mean, difference):
    groups = [Group(name, 3, value * scale, 0.0, 0.0, scale) for name, value in (("a", 1.0), ("b", 1.5))]
    write = groups_text._writer(groups)
    assert (write(groups[0].mean), write(-0.5 * scale), write(0.0)) == (mean, f"−{difference}", "0")


def test_very_small_and_large_values_are_compared_and_readable(log, capsys):
    for name, scale in (("val_loss", 1e-12), ("test_loss", 1e300)):
        log("cnn", scale * (1 + SPREAD), metric=name)
        log("mlp", scale * (2 + SPREAD), metric=name)
        output = output_of(capsys, metric=name)
        assert "0.00000000" not in output and max(map(len, output.split())) < 30


def test_the_help_states_the_margin_of_groups():
    assert "0.01 for metrics from 0 to 1, else none" in " ".join(compare.parser().format_help().split())
