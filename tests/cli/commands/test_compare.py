"""`convtrack compare` on stores that are filled by hand: the runs it finds, its output, and its messages."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import mlflow
import numpy as np
import pytest

from pipeline.cli.commands import compare
from pipeline.errors import UserError
from pipeline.evaluation import metrics
from pipeline.evaluation.predictions import Predictions, write_predictions
from pipeline.reporting.text.conclusions import answer
from pipeline.reporting.text.pair_verdicts import sentence
from pipeline.statistics.analysis import analyse, analyse_scores
from pipeline.storage.fingerprints import fingerprint as fingerprint_of
from pipeline.tracking.find import find
from pipeline.tracking.names import DATA_DIGEST, EVALUATED, EVALUATION, SEED, UNCOUNTED
from pipeline.tracking.store import Store
from pipeline.tracking.tracker import Tracker

ROOT = Path(__file__).parents[3]
REPLICATES = 8


@pytest.fixture
def folder(tmp_path, monkeypatch, empty_store):
    """A working directory with an empty store, and no project."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.chdir(tmp_path)
    shutil.copy(empty_store, tmp_path / "mlflow.db")
    return tmp_path


def simulated_predictions(quality, *, seed=0, images=120, groups=12, replicates=REPLICATES, first=0):
    """Predictions of replicates for the same test images; a higher `quality` gives better predictions."""
    truth = np.arange(images) % 2
    predictions = {}
    for number in range(first, first + replicates):
        random = np.random.default_rng([seed, number])
        positive = 1 / (1 + np.exp(-random.normal(quality * (2 * truth - 1), 1)))
        predictions[number] = Predictions(
            images=np.arange(images),
            partners=None,
            groups=np.arange(images) * groups // images,
            subgroups=None,
            classes=np.array(["functional", "defective"]),
            truth=truth,
            probabilities=np.stack([1 - positive, positive], axis=1),
            trained_on=400,
        )
    return predictions


def publish(model, predictions, *, data="elpv", fingerprint=None, parameters=None, seed=0, kept=None, name=None):
    """Log the runs of a model as the pipeline does; without predictions, as an experiment does."""
    tracker = Tracker.open(data)
    fingerprint = fingerprint or fingerprint_of({"model": model, "data": data})
    given = {"model.name": model, "split.strategy": "group", **(parameters or {})}
    tags = {DATA_DIGEST: f"d1ce-{data}"}
    parent = tracker.parent(fingerprint, name or model, parameters=given, tags=tags)
    numbers = list(predictions) if predictions else list(range(len(kept)))
    children = {
        number: tracker.child(parent, f"{fingerprint}-{number}", model, number, parameters={SEED: seed}, tags=tags)
        for number in numbers
    }
    for number, run in children.items():
        if predictions:
            scores = metrics.scores(predictions[number].truth, predictions[number].probabilities)
            tracker.log_metrics(run, {f"test/{metric}": value for metric, value in scores})
        if kept:
            tracker.log_metrics(run, {"kept_accuracy": kept[number], "kept_loss": 1 - kept[number]})
        tracker.end(run, "FINISHED")
    tracker.log_metrics(parent, {"parameters": 1000, "multiply_accumulates": 1e6 if model == "weak" else 2e6})
    if predictions:
        file = Path("predictions.npz")
        write_predictions(file, {"class": predictions})
        tracker.log_files(parent, [file], EVALUATION)
        tracker.tag(parent, {EVALUATED: json.dumps(children)})
    tracker.end(parent, "FINISHED")
    return parent


def output_of(capsys, *arguments, metric="accuracy"):
    compare.main([*arguments, "--metric", metric] if metric else list(arguments))
    return capsys.readouterr().out


def error_message(*arguments):
    with pytest.raises(UserError) as error:
        compare.main(list(arguments))
    assert str(error.value).endswith(".") and "\n" not in str(error.value)
    return str(error.value)


# Output


def test_the_verdicts_are_those_of_the_statistics(folder, capsys):
    strong, weak = simulated_predictions(1.5), simulated_predictions(0.3, seed=1)
    publish("strong", strong)
    publish("weak", weak)
    output = output_of(capsys, "weak", "strong", "--margin", "0.02")
    expected = analyse(
        "accuracy",
        {"weak": list(weak.values()), "strong": list(strong.values())},
        margin=0.02,
    )
    (pair,) = expected.pairs
    assert (pair.first, pair.verdict) == ("strong", "better")
    assert sentence(pair, expected) in output
    assert answer(expected, {"strong": 2e6, "weak": 1e6}) in output
    assert "margin 0.02" in output and "test images in 12 groups, 8 replicates" in output


def test_a_baseline_is_compared_as_one_and_its_missing_settings_are_no_differences(folder, capsys):
    publish("weak", simulated_predictions(0.5))
    publish("prior", simulated_predictions(2.0), parameters={"baseline": "always predicting functional"}, seed=7)
    output = output_of(capsys, "weak", "prior")
    assert "different seeds" not in output
    assert "Use none of these models: none is shown to be better than always predicting functional." in output
    assert "Parameters that differ" not in output and "All parameters" not in output


def test_only_differing_settings_are_listed(folder, capsys):
    publish("strong", simulated_predictions(1.5), parameters={"model.options.units": 100, "training.epochs": 10})
    publish("weak", simulated_predictions(0.3), parameters={"training.epochs": 10, "optimizer.name": "SGD"})
    lines = output_of(capsys, "strong", "weak").splitlines()
    rows = [line.split() for line in lines]
    assert ["model.options.units", "100", "–"] in rows
    assert ["optimizer.name", "–", "SGD"] in rows
    assert not any(row and row[0] in ("training.epochs", "model.name", "split.strategy") for row in rows)


def test_the_cost_of_a_network_with_uncounted_layers_is_a_lower_bound(folder, capsys):
    publish("counted", simulated_predictions(1.5))
    attention = publish("attention", simulated_predictions(0.3, seed=1))
    Tracker.open("elpv").tag(attention, {UNCOUNTED: "attention"})
    output = output_of(capsys, "counted", "attention", "--margin", "0.02")
    rows = [line for line in output.splitlines() if "±" in line]
    assert ["≥" in row for row in sorted(rows)] == [True, False]
    assert "cheapest" not in output


def test_replicates_are_paired_by_the_numbers_that_both_have(folder, capsys):
    strong, weak = simulated_predictions(1.5, replicates=8, first=2), simulated_predictions(0.3, seed=1, replicates=8)
    publish("strong", strong)
    publish("weak", weak)
    common = range(2, 8)
    expected = analyse(
        "accuracy",
        {
            name: [predictions[number] for number in common]
            for name, predictions in (("strong", strong), ("weak", weak))
        },
        margin=0.01,
    )
    assert sentence(expected.pairs[0], expected) in output_of(capsys, "strong", "weak")


def test_runs_on_different_images_get_no_verdict(folder, capsys):
    publish("strong", simulated_predictions(1.5))
    publish("weak", simulated_predictions(0.3, images=80, groups=8), data="digits")
    output = output_of(capsys, "strong", "weak")
    assert "they cannot be compared in pairs" in output
    assert "is better than" not in output


def test_the_same_data_with_another_test_set_gets_no_verdict(folder, capsys):
    publish("strong", simulated_predictions(1.5))
    publish("weak", simulated_predictions(0.3, images=100))
    assert "they cannot be compared in pairs" in output_of(capsys, "strong", "weak")


def test_models_on_several_data_sets_are_ranked_over_these(folder, capsys):
    for place, data in enumerate(("elpv", "digits", "mnist", "more", "cells", "shells")):
        publish("strong", simulated_predictions(1.5, seed=place, replicates=2), data=data)
        publish("weak", simulated_predictions(0.3, seed=10 + place, replicates=2), data=data)
    output = output_of(capsys, "tags.convtrack.kind = 'model'", "--figure", "ranks.png")
    assert [line.split() for line in output.splitlines() if line.startswith("strong  ")] == [["strong", "1.00"]]
    assert "The models differ (Friedman test" in output
    assert (folder / "ranks.png").read_bytes().startswith(b"\x89PNG")


def test_experiments_are_compared_on_validation_images_and_marked_as_such(folder, capsys):
    kept = {"strong": [0.9, 0.92, 0.91, 0.9, 0.93, 0.9, 0.94], "weak": [0.7, 0.69, 0.72, 0.71, 0.7, 0.72, 0.71]}
    for model, values in kept.items():
        publish(model, None, kept=values)
    expected = analyse_scores("accuracy", kept, margin=0.01)
    output = output_of(capsys, "strong", "weak")
    assert sentence(expected.pairs[0], expected) in output
    assert "These are validation images" in output and "Their groups were not resampled" in output


def test_an_experiment_and_an_evaluated_model_are_compared_on_validation_images(folder, capsys):
    publish("strong", simulated_predictions(1.5, replicates=4), kept=[0.9, 0.91, 0.92, 0.93])
    publish("weak", None, kept=[0.7, 0.71, 0.72, 0.73])
    assert "On elpv, validation images, 4 replicates" in output_of(capsys, "strong", "weak")


def test_runs_without_replicates_get_no_verdict(folder, capsys):
    client = mlflow.MlflowClient(f"sqlite:///{folder}/mlflow.db")
    experiment = client.create_experiment("elsewhere")
    for name, value in (("one", 0.8), ("other", 0.9)):
        run = client.create_run(experiment, run_name=name)
        client.log_metric(run.info.run_id, "top_5", value)
        client.log_param(run.info.run_id, "depth", len(name))
        client.set_terminated(run.info.run_id)
    output = output_of(capsys, "one", "other", metric="top_5")
    assert "One value per model does not show which model is better" in output
    assert ["depth", "3", "5"] in [line.split() for line in output.splitlines()]
    assert "is better than" not in output


def test_different_seeds_are_reported(folder, capsys):
    publish("strong", simulated_predictions(1.5), seed=0)
    publish("weak", simulated_predictions(0.3), seed=7)
    assert "different seeds" in output_of(capsys, "strong", "weak")


def test_a_single_replicate_gives_no_verdict(folder, capsys):
    publish("strong", simulated_predictions(3.0, replicates=1))
    publish("weak", simulated_predictions(0.1, replicates=1))
    output = output_of(capsys, "strong", "weak")
    assert "1 replicate:" in output and "\nstrong is better" not in output
    assert "nan" not in output


# Selected runs


def test_a_run_is_found_by_the_beginning_of_its_id_and_counted_once(folder, capsys):
    strong = publish("strong", simulated_predictions(1.5))
    weak = publish("weak", simulated_predictions(0.3))
    output = output_of(capsys, strong[:10], weak, "weak", "params.model.name='strong'")
    assert output.startswith("2 runs of ")


def test_the_newest_of_several_runs_with_one_name_is_used_and_reported(folder, capsys):
    publish("strong", simulated_predictions(1.5))
    newest = publish("strong", simulated_predictions(1.6), fingerprint="another", parameters={"model.options.units": 3})
    publish("weak", simulated_predictions(0.3))
    output = output_of(capsys, "strong", "weak")
    assert f"2 finished runs are named strong; the newest is used, {newest[:8]}." in output


def test_runs_with_the_same_name_are_shown_with_their_ids(folder, capsys):
    first = publish("strong", simulated_predictions(1.5))
    second = publish("strong", simulated_predictions(1.6), fingerprint="another")
    output = output_of(capsys, "params.model.name = 'strong'")
    assert f"strong ({first[:8]})" in output and f"strong ({second[:8]})" in output


@pytest.mark.parametrize("name", ["Yann's", 'the "best"', "both ' and \"", "100%_sure", "a = b"])
def test_names_may_contain_filter_syntax(folder, capsys, name):
    publish(name, simulated_predictions(1.5))
    publish("both x and y", simulated_predictions(0.4))
    publish("weak", simulated_predictions(0.3))
    output = output_of(capsys, name, "weak")
    assert [line.split("  ")[0] for line in output.splitlines()[3:5]] == [name, "weak"]


def test_filters_find_models_not_replicates_nor_unfinished_ones(folder, capsys):
    strong, weak = publish("strong", simulated_predictions(1.5)), publish("weak", simulated_predictions(0.3))
    third = publish("third", simulated_predictions(0.3))
    Tracker.open("elpv").start(third)
    runs, _ = find(Store.open(), ["metrics.parameters >= 1000 AND params.split.strategy = 'group'"])
    assert {run.info.run_id for run in runs} == {strong, weak}


# Errors


def test_every_mistake_gives_a_message_of_one_sentence(folder):
    strong, weak = publish("strong", simulated_predictions(1.5)), publish("weak", simulated_predictions(0.3))
    tracker = Tracker.open("elpv")
    assert error_message("strong", "--metric", "accuracy") == ("compare needs at least two runs. Received one: strong.")
    assert "The store has no run with the id or name 'strnog'" in error_message(
        "strong", "strnog", "--metric", "accuracy"
    )
    assert "Unknown metric of these runs 'acuracy'. Did you mean 'accuracy'?" in error_message(
        "strong", "weak", "--metric", "acuracy"
    )
    assert "No finished run satisfies" in error_message("params.model.name='nobody'", "--metric", "accuracy")
    assert "MLflow cannot parse the filter" in error_message("params.model.name ~ =", "--metric", "accuracy")
    assert error_message("strong", "weak", "--metric", "accuracy", "--margin", "-1") == (
        "`--margin` must be a number above 0, in units of the metric. Received '-1'."
    )
    assert "--figure draws the ranks" in error_message("strong", "weak", "--metric", "accuracy", "--figure", "x.png")
    assert "Or add --metric" in error_message("strong", "weak")
    tracker.start(strong)
    assert error_message("strong", "weak", "--metric", "accuracy") == (
        "Run 'strong' is RUNNING. Only finished runs can be compared."
    )
    tracker.client.delete_run(weak)
    assert f"Run {weak} is deleted" in error_message(weak, "strong", "--metric", "accuracy")


def test_without_a_store_no_file_is_created(tmp_path):
    variables = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", "compare", "a", "b", "--metric", "f1"],
        cwd=tmp_path,
        env=variables | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "convtrack: There is no tracking store sqlite:///mlflow.db here: run this command in the project's folder, or "
        "set MLFLOW_TRACKING_URI.\n"
    )
    assert not list(tmp_path.iterdir())


def test_compare_does_not_import_tensorflow():
    command = (
        "import sys, pipeline.cli.commands.compare; sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", command], check=False, cwd=ROOT).returncode == 0
