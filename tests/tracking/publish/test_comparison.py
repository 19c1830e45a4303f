import json
import math
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from pipeline.statistics.results import Estimate
from pipeline.storage.folders import FIGURES, REPORT
from pipeline.tracking.publish.comparison import (
    MAX_PAIRS,
    comparison_page,
    description,
    models_table,
    pairs_table,
    publish_comparison,
)
from pipeline.tracking.publish.model_runs import ModelRuns
from pipeline.tracking.published import Published, recall
from tests.reporting import conftest as reporting
from tests.tracking.conftest import parent, runs

compare = reporting.compare  # the fixture
NOTE = "mlflow.note.content"
MODELS = ("fully_connected", "lenet5", "resnet8")


@pytest.fixture
def comparison(compare):
    """Three models, of which only lenet5 has an interval."""
    estimates = (Estimate("lenet5", 0.91, 0.01, 0.88, 0.93),)
    means = {"lenet5": 0.91, "resnet8": 0.905, "fully_connected": 0.76}
    return compare(certainty=replace(reporting.certain(means), estimates=estimates))


@pytest.fixture
def logged(tracker):
    """The runs of the three models."""
    return {name: ModelRuns(tracker, parent(tracker, model=name), {}.__getitem__) for name in MODELS}


def test_a_model_gets_the_tags_the_interval_and_the_description_of_the_comparison(tracker, logged, comparison):
    publish_comparison(tracker, logged, comparison, "d1")
    found = runs(tracker)
    lenet5 = found["lenet5"].data
    assert {name: lenet5.metrics[f"test/accuracy_{name}"] for name in ("low", "high")} == {"low": 0.88, "high": 0.93}
    assert "test/accuracy_low" not in found["resnet8"].data.metrics
    assert {name: value for name, value in lenet5.tags.items() if name.startswith("differs.")} == {
        "differs.architecture": "lenet5"
    }
    note = lenet5.tags[NOTE]
    assert note.startswith(
        "Test accuracy **0.910 ± 0.014** over 2 replicates, 95 % interval 0.880 to 0.930: ties with 2."
    )
    assert "| differing setting | value |\n| --- | --- |\n| `model.architecture` | `lenet5` |\n" in note
    assert f"/runs/{found['comparison'].info.run_id}/artifacts" in note


def test_the_table_shows_verdict_score_and_costs_as_short_texts(tracker, logged, comparison):
    publish_comparison(tracker, logged, comparison, "d1")
    lenet5 = runs(tracker)["lenet5"].data.tags
    assert (lenet5["Verdict"], lenet5["Score"]) == ("ties with 2", "0.910 (0.880 to 0.930)")
    assert (lenet5["Cost/parameters"], lenet5["Cost/train_seconds"]) == ("61,706", "41.0 s")


def test_the_run_of_the_comparison_shows_the_result_of_the_recommended_model(tracker, logged, compare):
    means = {"lenet5": 0.91, "resnet8": 0.905, "fully_connected": 0.76}
    pairs = tuple(
        reporting.pair(one, other, means[one] - means[other], "better")
        for one, other in (("lenet5", "resnet8"), ("lenet5", "fully_connected"), ("resnet8", "fully_connected"))
    )
    publish_comparison(tracker, logged, compare(certainty=reporting.certain(means, pairs)), "d1")
    record = runs(tracker)["comparison"].data
    assert record.tags["Verdict"] == "report: use lenet5"
    assert "/artifacts/report/comparison.html?workflowType=machine_learning): Use lenet5" in record.tags[NOTE]
    assert record.tags["differs.architecture"] == "lenet5"
    assert record.metrics["test/accuracy"] == pytest.approx(0.91)


def test_only_the_models_of_the_last_comparison_are_shown(tracker, logged, comparison):
    publish_comparison(tracker, logged, comparison, "d1")
    for name in MODELS:
        parent(tracker, "cafe", name)  # A single experiment with other settings.
    again = {name: ModelRuns(tracker, parent(tracker, "beef", name), {}.__getitem__) for name in MODELS}
    publish_comparison(tracker, again, comparison, "d1")
    shown = tracker.client.search_runs([tracker.experiment], "tags.`convtrack.compared` = 'true'")
    expected = {one.parent for one in again.values()} | {tracker.only_run("comparison", "d1")}
    assert {run.info.run_id for run in shown} == expected


def test_the_published_runs_are_remembered(tracker, logged, comparison):
    comparison = replace(comparison, data=replace(comparison.data, name="digits"))
    publish_comparison(tracker, logged, comparison, "d1")
    expected = Published(tracker.experiment, {model: own.parent for model, own in logged.items()})
    assert recall("digits", MODELS) is None  # The runs have not ended.
    for own in logged.values():
        tracker.end(own.parent, "FINISHED")
    assert recall("digits", MODELS) == expected


def test_one_run_holds_the_report_and_the_tables(project, tracker, logged, comparison):
    for file in (REPORT, REPORT.with_suffix(".md"), FIGURES / "spread.png"):
        (project / file).parent.mkdir(parents=True, exist_ok=True)
        (project / file).write_text("content")
    for _ in range(2):
        publish_comparison(tracker, logged, comparison, "d1")
    (record,) = (run for run in runs(tracker).values() if run.info.run_name == "comparison")
    assert record.info.status == "FINISHED"
    files = {file.path for file in tracker.client.list_artifacts(record.info.run_id)}
    assert files == {"models.csv", "pairs.csv", "report"}
    report = {file.path for file in tracker.client.list_artifacts(record.info.run_id, "report")}
    assert report == {"report/comparison.html", "report/comparison.md", "report/spread.png"}


def test_each_model_gets_the_entries_of_its_own_stages_in_dvc_lock(project, tracker, logged, comparison):
    (project / "dvc.lock").write_text(
        "stages:\n  prepare: {cmd: a}\n  build: {cmd: d}\n  train@lenet5: {cmd: b}\n  train@resnet8: {cmd: c}\n"
    )
    publish_comparison(tracker, logged, comparison, "d1")
    file = tracker.client.download_artifacts(logged["lenet5"].parent, "dvc.lock.json", str(project))
    assert json.loads(Path(file).read_text()) == {
        "prepare": {"cmd": "a"},
        "build": {"cmd": "d"},
        "train@lenet5": {"cmd": "b"},
    }


def test_the_experiment_gets_a_table_charts_and_columns(tracker, logged, comparison):
    publish_comparison(tracker, logged, comparison, "d1")
    tags = tracker.client.get_experiment(tracker.experiment).tags
    shared = ("comparison", "charts", "side-by-side")
    table, charts, columns = (json.loads(tags[f"mlflow.sharedViewState.{name}"]) for name in shared)
    assert table["selectedColumns"][:2] == ["tags.`Verdict`", "tags.`Score`"]
    assert "tags.`differs.architecture`" in table["selectedColumns"]
    assert {view["orderByAsc"] for view in (table, charts, columns)} == {False}
    assert charts["compareRunCharts"][-1]["selectedParams"] == ["model.architecture"]


def test_a_metric_where_lower_is_better_sorts_the_table_upwards(tracker, logged, compare):
    publish_comparison(tracker, logged, compare(primary_metric="log_loss"), "d1")
    tags = tracker.client.get_experiment(tracker.experiment).tags
    assert json.loads(tags["mlflow.sharedViewState.comparison"])["orderByAsc"] is True


def test_a_description_lists_a_limited_number_of_pairs(compare):
    models = tuple(reporting.model(f"model_{number}", (0.5, 0.6)) for number in range(MAX_PAIRS + 4))
    comparison = compare(models=models)
    text = description(models[0], comparison, {}, {}, verdict="ties with 15")
    assert text.count("\n- ") == MAX_PAIRS + 1
    assert text.endswith("- The report lists 3 more pairs.")


def test_the_description_of_a_model_with_another_target_states_that_it_is_not_compared(compare):
    model = reporting.model("siamese", (0.9, 0.8), other_target="whether two images show the same class")
    compared = compare(models=(model, reporting.model("lenet5", (0.5, 0.6))))
    text = description(model, compared, {}, {}, verdict="not compared")
    assert "siamese predicts whether two images show the same class, so it is not compared" in text


def test_the_table_of_models_has_the_interval_costs_and_means(comparison):
    table = models_table(comparison).set_index("model")
    assert list(table.index) == list(MODELS)
    row = table.loc["lenet5"]
    assert (row["accuracy"], row["accuracy_low"], row["accuracy_high"]) == (pytest.approx(0.91), 0.88, 0.93)
    assert (row["parameters"], row["train_seconds"]) == (61_706, 41.0)
    assert math.isnan(table.loc["resnet8", "accuracy_low"])


def test_the_table_of_pairs_has_a_sentence_per_pair(comparison):
    table = pairs_table(comparison.certainty)
    assert isinstance(table, pd.DataFrame)
    assert len(table) == 3
    assert table["in_words"].str.len().min() > 0


def test_the_page_of_the_comparison_is_the_table_of_its_models():
    assert comparison_page("7", "http://here").startswith(
        "http://here/#/experiments/7/runs?viewStateShareKey=comparison&"
    )


def test_one_replicate_is_singular(compare):
    models = (reporting.model("lenet5", (0.9,), train_seconds=(40.0,), seconds_per_image=(0.001,)),)
    text = description(models[0], compare(models=models, replicates=1), {}, {}, verdict="the only model")
    assert "over 1 replicate," in text or "over 1 replicate:" in text
