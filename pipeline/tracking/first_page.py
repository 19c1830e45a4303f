"""The first page of MLflow's UI as `make ui` serves it: it opens the comparison.

MLflow 3.17 keeps in the browser, not in the store, whether it shows its pages for model training, which columns an
experiment has, and whether its assistant is open. This page sets these before MLflow starts, unless the browser has
them already.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from pipeline.tracking.names import TABLE_VIEW
from pipeline.tracking.projects import experiment_name, own_name
from pipeline.tracking.run_log import SHARED_VIEW
from pipeline.tracking.views import view_page

SETTINGS = {"mlflow.workflowType_v1": "machine_learning", "mlflow.assistant.fab.autoOpenedOnFirstLoad_v1": True}
"""Settings in the browser by name: pages for model training; the assistant has been shown once."""
SCRIPT = """<script>
for (const [name, value] of Object.entries(%s)) {
  if (localStorage.getItem(name) === null) localStorage.setItem(name, JSON.stringify(value));
}
const start = %s;
if (start && ["", "#/"].includes(location.hash)) location.replace(start);
</script>"""


def first_page(page: str, experiments: Iterable[Any], data: str) -> str:
    """MLflow's HTML page with a script that sets the browser's settings and opens the comparison.

    Args:
        page: the page of MLflow.
        experiments: the experiments of the store; those with a shared table show it without a link, too.
        data: the name of the data set whose experiment the root address opens.
    """
    table = SHARED_VIEW + TABLE_VIEW
    sharing = [one for one in experiments if table in one.tags]
    states = {_state_name(one.experiment_id): json.loads(one.tags[table]) for one in sharing}
    tags = {one.name: one.tags for one in sharing}
    name = experiment_name(data)
    own = own_name(name, tags.get(name, {}))
    start = next((view_page(one.experiment_id, TABLE_VIEW, "") for one in sharing if one.name == own), "")
    script = SCRIPT % (_literal(SETTINGS | states), _literal(start.removeprefix("/")))
    return page.replace("<head>", f"<head>{script}", 1)


def _state_name(experiment: str) -> str:
    """The browser's name for the state of the run table of an experiment."""
    return f'MLflowLocalStorage-1.1-ExperimentPage-["{experiment}"]-ReactComponentState'


def _literal(value: Mapping[str, Any] | str) -> str:
    """A JavaScript literal that can stand in a script element."""
    return json.dumps(value).replace("<", "\\u003c")
