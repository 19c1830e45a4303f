from urllib.parse import unquote

import pytest

from pipeline.tracking.views import charts_view, runs_page, table_view, ui_address


@pytest.mark.parametrize(
    ("store", "address"),
    [
        ("sqlite:///mlflow.db", "http://127.0.0.1:5000"),
        ("http://somewhere:5001/", "http://somewhere:5001"),
        ("https://me:secret@somewhere", "https://somewhere"),
    ],
)
def test_the_ui_is_the_tracking_server_or_the_local_one(monkeypatch, store, address):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    assert ui_address() == address


def test_the_page_of_runs_names_each_run_and_the_experiment():
    page = unquote(runs_page("7", ["a", "b"], "http://here"))
    assert page.startswith('http://here/#/compare-runs?runs=["a","b"]&experiments=["7"]')


def test_the_table_has_a_row_per_model_and_the_best_first():
    view = table_view(metrics=["test/f1"], tags=["differs.units"], order_by="test/f1", ascending=False)
    assert view["searchFilter"] == "tags.`convtrack.kind` = 'model'"
    assert view["selectedColumns"] == ["metrics.`test/f1`", "tags.`differs.units`"]
    assert (view["orderByKey"], view["orderByAsc"]) == ("metrics.`test/f1`", False)


def test_there_is_a_chart_for_the_metric_each_cost_and_all_parameters():
    view = charts_view("charts", metric="test/f1", costs=["parameters", "train_seconds"], parameters=["units"])
    charts = view["compareRunCharts"]
    assert [chart["type"] for chart in charts] == ["BAR", "SCATTER", "SCATTER", "PARALLEL"]
    assert [chart["xaxis"]["key"] for chart in charts[1:3]] == ["parameters", "train_seconds"]
    assert charts[3]["selectedMetrics"] == ["parameters", "train_seconds", "test/f1"]
    assert len({chart["uuid"] for chart in charts}) == 4
    assert {chart["metricSectionId"] for chart in charts} == {view["compareRunSections"][0]["uuid"]}
