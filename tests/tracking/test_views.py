import pytest

from pipeline.tracking.views import charts_view, side_by_side_view, table_view, ui_address


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


def test_the_table_has_a_row_per_compared_model_the_best_first_and_the_columns_in_the_given_order():
    view = table_view(tags={"Verdict": 170, "Cost/b": 90, "Cost/a": 80}, order_by="test/f1", ascending=False)
    columns = ["tags.`Verdict`", "tags.`Cost/b`", "tags.`Cost/a`"]
    assert view["searchFilter"] == "tags.`convtrack.compared` = 'true'"
    assert view["selectedColumns"] == columns
    assert view["columnOrder"] == ["runDateAndNestInfo", *columns, "duration"]
    assert [view["columnWidths"][column] for column in columns] == [170, 90, 80]
    assert (view["orderByKey"], view["orderByAsc"]) == ("metrics.`test/f1`", False)


@pytest.fixture
def charts():
    return charts_view(metric="test/f1", costs=["parameters", "seconds"], parameters=["units"], ascending=False)


def test_there_is_a_chart_for_each_cost_and_none_whose_axis_starts_at_zero(charts):
    drawn = charts["compareRunCharts"]
    assert [chart["type"] for chart in drawn] == ["SCATTER", "SCATTER", "DIFFERENCE", "PARALLEL"]
    assert [chart["xaxis"]["key"] for chart in drawn[:2]] == ["parameters", "seconds"]
    assert len({chart["uuid"] for chart in drawn}) == 4
    assert {chart["metricSectionId"] for chart in drawn} == {one["uuid"] for one in charts["compareRunSections"]}


def test_red_marks_an_expensive_model_and_not_the_best_one(charts):
    assert charts["compareRunCharts"][-1]["selectedMetrics"] == ["test/f1", "parameters", "seconds"]


def test_the_models_side_by_side_are_the_only_chart():
    view = side_by_side_view(metric="test/f1", ascending=False)
    (chart,) = view["compareRunCharts"]
    assert (chart["type"], chart["compareGroups"]) == ("DIFFERENCE", ["Tags", "Parameters"])
    assert view["searchFilter"] == "tags.`convtrack.compared` = 'true' AND tags.`convtrack.kind` = 'model'"
