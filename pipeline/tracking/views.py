"""Pages of the MLflow UI: their addresses, and the views that are shared with everyone who opens an experiment.

A shared view is the state of the run table, JSON in a tag of the experiment. Without one the table shows no metrics.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from pipeline.tracking.address import shown_address
from pipeline.tracking.names import KIND

LOCAL_SERVER = "http://127.0.0.1:5000"
# MLflow opens in its mode for language models without this.
MODE = "workflowType=machine_learning"
MODELS = f"tags.`{KIND}` = 'model'"


def ui_address() -> str:
    """The address of the MLflow UI: the tracking server's, else the one that `make ui` serves."""
    address = shown_address()
    return (address if address.startswith("http") else LOCAL_SERVER).rstrip("/")


def runs_page(experiment: str, runs: Sequence[str], server: str) -> str:
    """The page that shows runs side by side.

    >>> runs_page("1", ["a1", "b2"], "http://127.0.0.1:5000")
    'http://127.0.0.1:5000/#/compare-runs?runs=[%22a1%22,%22b2%22]&experiments=[%221%22]&workflowType=machine_learning'
    """
    quoted = ",".join(f"%22{run}%22" for run in runs)
    return f"{server}/#/compare-runs?runs=[{quoted}]&experiments=[%22{experiment}%22]&{MODE}"


def view_page(experiment: str, name: str, server: str, *, charts: bool = False) -> str:
    """The page that shows a shared view as a table or as charts.

    >>> view_page("1", "comparison", "http://127.0.0.1:5000")
    'http://127.0.0.1:5000/#/experiments/1/runs?viewStateShareKey=comparison&workflowType=machine_learning'
    """
    mode = "&compareRunsMode=CHART" if charts else ""
    return f"{server}/#/experiments/{experiment}/runs?viewStateShareKey={name}{mode}&{MODE}"


def artifacts_page(experiment: str, run: str) -> str:
    """The page that lists a run's artifacts, as a link within the UI.

    >>> artifacts_page("1", "a1")
    '#/experiments/1/runs/a1/artifacts'
    """
    return f"#/experiments/{experiment}/runs/{run}/artifacts"


def table_view(*, metrics: Iterable[str], tags: Iterable[str], order_by: str, ascending: bool) -> dict[str, Any]:
    """The run table with a row per model, and these metrics and tags as columns, sorted by the metric `order_by`."""
    return {
        "searchFilter": MODELS,
        "selectedColumns": [*(f"metrics.`{metric}`" for metric in metrics), *(f"tags.`{tag}`" for tag in tags)],
        "orderByKey": f"metrics.`{order_by}`",
        "orderByAsc": ascending,
    }


def charts_view(name: str, *, metric: str, costs: Sequence[str], parameters: Sequence[str]) -> dict[str, Any]:
    """Charts of the models: bars of a metric, the metric against each cost, and parallel coordinates of them all."""
    bar: dict[str, Any] = {"type": "BAR", "metricKey": metric}
    scatters: list[dict[str, Any]] = [
        {"type": "SCATTER", "xaxis": {"type": "METRIC", "key": cost}, "yaxis": {"type": "METRIC", "key": metric}}
        for cost in costs
    ]
    parallel: dict[str, Any] = {
        "type": "PARALLEL",
        "selectedParams": list(parameters),
        "selectedMetrics": [*costs, metric],
    }
    common = {"deleted": False, "isGenerated": False, "metricSectionId": name}
    return {
        "searchFilter": MODELS,
        "orderByKey": f"metrics.`{metric}`",
        "compareRunCharts": [
            {**chart, **common, "uuid": f"{name}-{number}"} for number, chart in enumerate([bar, *scatters, parallel])
        ],
        # `isReordered` prevents MLflow from placing its own charts before these.
        "compareRunSections": [{"uuid": name, "name": name, "display": True, "isReordered": True}],
        "isAccordionReordered": True,
    }
