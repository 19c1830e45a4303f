"""MLflow's web application with this project's first page, for `mlflow server --app-name convtrack`.

MLflow finds it by the entry point `mlflow.app` in pyproject.toml.
"""

from pathlib import Path

import mlflow
from mlflow.server import app as web
from mlflow.server.fastapi_app import app

from pipeline.config.reading import read_comparison
from pipeline.errors import UserError
from pipeline.tracking.address import store_address
from pipeline.tracking.first_page import first_page

__all__ = ["app"]


def _serve() -> str:
    experiments = mlflow.MlflowClient(store_address()).search_experiments()
    page = (Path(str(web.static_folder)) / "index.html").read_text(encoding="utf-8")
    return first_page(page, experiments, _data())


def _data() -> str:
    """The data of the comparison; empty while its file cannot be read, so that MLflow opens as usual."""
    try:
        return read_comparison().data
    except UserError:
        return ""


web.view_functions["serve"] = _serve  # MLflow's function for the address /
