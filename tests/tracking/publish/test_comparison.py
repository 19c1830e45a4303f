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
    publish_comparison(tracker, logged, comparison)
    found = runs(tracker)
    lenet5 = found["lenet5"].data
    assert {name: lenet5.metrics[f"test/accuracy_{name}"] for name in ("low", "high")} == {"low": 0.88, "high": 0.93}
    assert "test/accuracy_low" not in found["resnet8"].data.metrics
    assert {name: value for name, value in lenet5.tags.items() if name.startswith("differs.")} == {
        "differs.model.architecture": "lenet5"
    }
    note = lenet5.tags["mlflow.note.content"]
    assert note.startswith("| differing setting | value |\n| --- | --- |\n| `model.architecture` | `lenet5` |\n")
    assert f"/runs/{found['comparison'].info.run_id}/artifacts" in note


def test_the_published_runs_are_remembered(tracker, logged, comparison):
    comparison = replace(comparison, data=replace(comparison.data, name="digits"))
    publish_comparison(tracker, logged, comparison)
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
        publish_comparison(tracker, logged, comparison)
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
    publish_comparison(tracker, logged, comparison)
    file = tracker.client.download_artifacts(logged["lenet5"].parent, "dvc.lock.json", str(project))
    assert json.loads(Path(file).read_text()) == {
        "prepare": {"cmd": "a"},
        "build": {"cmd": "d"},
        "train@lenet5": {"cmd": "b"},
    }


def test_the_experiment_gets_a_table_and_charts(tracker, logged, comparison):
    publish_comparison(tracker, logged, comparison)
    tags = tracker.client.get_experiment(tracker.experiment).tags
    table, charts = (json.loads(tags[f"mlflow.sharedViewState.{name}"]) for name in ("comparison", "charts"))
    assert table["selectedColumns"][0] == "metrics.`test/accuracy`"
    assert "tags.`differs.model.architecture`" in table["selectedColumns"]
    assert table["orderByAsc"] is False
    assert charts["compareRunCharts"][-1]["selectedParams"] == ["model.architecture"]


def test_a_metric_where_lower_is_better_sorts_the_table_upwards(tracker, logged, compare):
    publish_comparison(tracker, logged, compare(primary_metric="log_loss"))
    tags = tracker.client.get_experiment(tracker.experiment).tags
    assert json.loads(tags["mlflow.sharedViewState.comparison"])["orderByAsc"] is True


def test_a_description_lists_a_limited_number_of_pairs(compare):
    models = tuple(reporting.model(f"model_{number}", (0.5, 0.6)) for number in range(MAX_PAIRS + 4))
    comparison = compare(models=models)
    text = description(models[0], comparison, {}, {})
    assert text.count("\n- ") == MAX_PAIRS + 1
    assert text.endswith("- The report lists 3 more pairs.")


def test_the_description_of_a_model_with_another_target_states_that_it_is_not_compared(compare):
    model = reporting.model("siamese", (0.9, 0.8), other_target="whether two images show the same class")
    text = description(model, compare(models=(model, reporting.model("lenet5", (0.5, 0.6)))), {}, {})
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


def test_the_page_of_the_comparison_names_every_model(tracker, logged):
    page = comparison_page(logged, "http://here")
    assert page.startswith("http://here/#/compare-runs?")
    assert all(one.parent in page for one in logged.values())
