"""Pages of the MLflow UI: their addresses, and the views that are shared with everyone who opens an experiment.

A shared view is the state of the run table, JSON in a tag of the experiment. Without one the table shows no metrics.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pipeline.tracking.address import shown_address
from pipeline.tracking.names import COMPARED, KIND

LOCAL_SERVER = "http://127.0.0.1:5000"
# MLflow opens in its mode for language models without this.
MODE = "workflowType=machine_learning"
SHOWN = f"tags.`{COMPARED}` = 'true'"
"""Filter of the table: the compared models, and the run that holds the report."""
MODELS = f"{SHOWN} AND tags.`{KIND}` = 'model'"
NARROW, WIDE = 112, 172
"""Widths of columns, in pixels."""
STATUS_WIDTH = 60


def ui_address() -> str:
    """The address of the MLflow UI: the tracking server's, else the one that `make ui` serves."""
    address = shown_address()
    return (address if address.startswith("http") else LOCAL_SERVER).rstrip("/")


def view_page(experiment: str, name: str, server: str, *, charts: bool = False) -> str:
    """The page that shows a shared view as a table or as charts.

    >>> view_page("1", "comparison", "http://127.0.0.1:5000")
    'http://127.0.0.1:5000/#/experiments/1/runs?viewStateShareKey=comparison&workflowType=machine_learning'
    """
    mode = "&compareRunsMode=CHART" if charts else ""
    return f"{server}/#/experiments/{experiment}/runs?viewStateShareKey={name}{mode}&{MODE}"


def artifact_page(experiment: str, run: str, file: str) -> str:
    """The page that shows an artifact of a run, as a link within the UI.

    >>> artifact_page("1", "a1", "report/comparison.html")
    '#/experiments/1/runs/a1/artifacts/report/comparison.html?workflowType=machine_learning'
    """
    return f"#/experiments/{experiment}/runs/{run}/artifacts/{file}?{MODE}"


def table_view(*, tags: Mapping[str, int], order_by: str, ascending: bool) -> dict[str, Any]:
    """The run table with a row per compared model, and these tags as columns, sorted by the metric `order_by`.

    `tags` maps each tag to the width of its column in pixels. The columns are in the order of `tags`; MLflow orders
    them by name otherwise. The columns of MLflow that cannot be hidden are narrow or at the end.
    """
    columns = [f"tags.`{tag}`" for tag in tags]
    return {
        "searchFilter": SHOWN,
        "selectedColumns": columns,
        "columnOrder": ["runDateAndNestInfo", *columns, "duration"],
        "columnWidths": {"runDateAndNestInfo": STATUS_WIDTH, **dict(zip(columns, tags.values(), strict=True))},
        "orderByKey": f"metrics.`{order_by}`",
        "orderByAsc": ascending,
    }


def charts_view(*, metric: str, costs: Sequence[str], parameters: Sequence[str], ascending: bool) -> dict[str, Any]:
    """Charts of the models: the metric against each cost, parallel coordinates of them all, and the models' columns.

    There are no bars, because MLflow's bars start at 0, so that models with similar scores look equal. The colour of a
    line in parallel coordinates is the last axis, a cost, because MLflow draws the largest value in red.
    """
    scatters: list[dict[str, Any]] = [
        {"type": "SCATTER", "xaxis": {"type": "METRIC", "key": cost}, "yaxis": {"type": "METRIC", "key": metric}}
        for cost in costs
    ]
    parallel = {"type": "PARALLEL", "selectedParams": list(parameters), "selectedMetrics": [metric, *costs]}
    sections = {
        "score against cost": Section(scatters, columns=3, height=360),
        "side by side": SIDE_BY_SIDE,
        "parallel coordinates": Section([parallel], columns=1, height=420),
    }
    return _charts(sections, metric=metric, ascending=ascending)


def side_by_side_view(*, metric: str, ascending: bool) -> dict[str, Any]:
    """A table with a column per model, and a row per tag and parameter in which the models differ."""
    return _charts({"side by side": SIDE_BY_SIDE}, metric=metric, ascending=ascending) | {"runListHidden": True}


class Section(NamedTuple):
    """Charts in a number of columns, with their height in pixels."""

    charts: Sequence[Mapping[str, Any]]
    columns: int
    height: int


SIDE_BY_SIDE = Section(
    [
        {
            "type": "DIFFERENCE",
            "chartName": "models side by side",
            "compareGroups": ["Tags", "Parameters"],
            "showChangeFromBaseline": False,
            "showDifferencesOnly": True,
        }
    ],
    columns=1,
    height=560,
)


def _charts(sections: Mapping[str, Section], *, metric: str, ascending: bool) -> dict[str, Any]:
    """The state of the page of charts: sections by name, and the models sorted by the metric."""
    common = {"deleted": False, "isGenerated": False}
    return {
        "searchFilter": MODELS,
        "orderByKey": f"metrics.`{metric}`",
        "orderByAsc": ascending,
        "compareRunCharts": [
            {**chart, **common, "metricSectionId": name, "uuid": f"{name} {number}"}
            for name, section in sections.items()
            for number, chart in enumerate(section.charts, start=1)
        ],
        # `isReordered` prevents MLflow from placing its own charts before these.
        "compareRunSections": [
            {
                "uuid": name,
                "name": name,
                "display": True,
                "isReordered": True,
                "columns": section.columns,
                "cardHeight": section.height,
            }
            for name, section in sections.items()
        ],
        "isAccordionReordered": True,
    }
