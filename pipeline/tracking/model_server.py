"""MLflow's scoring server for a packaged network, with limits, errors in one sentence, and the page.

`convtrack serve` runs `application` with uvicorn. Only the server imports this module, because `mlflow.pyfunc` takes
seconds to import.
"""

import logging
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.models import Model
from mlflow.pyfunc import PyFuncModel, scoring_server
from starlette.types import ASGIApp

from pipeline.deployment.loader import PictureFunction
from pipeline.deployment.picture_model import PictureModel
from pipeline.deployment.serving.error_replies import UNREADABLE, OneSentenceErrors, refuse
from pipeline.deployment.serving.invocations import check_count
from pipeline.deployment.serving.own_pages import OwnPagesOnly
from pipeline.deployment.serving.picture_routes import TURNS, picture_routes
from pipeline.deployment.serving.request_limits import LARGEST_PICTURE, RequestLimits
from pipeline.errors import UserError
from pipeline.reporting.picture_page import picture_page
from pipeline.tracking.logged_pictures import signature_of
from pipeline.tracking.served_model import SERVED_FOLDER, SERVED_VERSION, shown_model

_log = logging.getLogger(__name__)


class _Guarded:
    """A model for the scoring server whose errors are refusals of the request."""

    def __init__(self, model: PyFuncModel) -> None:
        self.metadata = model.metadata
        self._model = model

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        """Classify pictures, a dictionary for each; refuse the request if none of them is readable."""
        check_count(len(data))
        with TURNS:
            try:
                answers: pd.DataFrame = self._model.predict(data, params=params)
            except UserError as problem:
                refuse(400, str(problem))
            except MlflowException as problem:
                _log.info("MLflow cannot use the input: %s", problem.message[:1000])
                refuse(400, UNREADABLE)
        if (answers["problem"] != "").all():
            refuse(400, f"No picture can be read: {answers['problem'].iloc[0]}.")
        # MLflow would use `DataFrame.to_dict("records")`, which takes milliseconds for columns of several types.
        columns = [answers[name].tolist() for name in answers]
        return [dict(zip(answers, row, strict=True)) for row in zip(*columns, strict=True)]


def application() -> ASGIApp:
    """The server of the packaged network in the folder that the environment variable `SERVED_FOLDER` names."""
    folder = Path(os.environ[SERVED_FOLDER])
    try:
        pictures = PictureModel.load(folder)
    except UserError as problem:
        sys.exit(f"convtrack: {problem}")  # uvicorn would print a traceback.
    pictures.decoding = replace(pictures.decoding, largest=min(pictures.decoding.largest, LARGEST_PICTURE))
    model = PyFuncModel(Model(signature=signature_of(pictures.classes)), PictureFunction(pictures))
    server = scoring_server.init(cast(PyFuncModel, _Guarded(model)))
    page = picture_page(shown_model(folder, pictures.settings, os.environ[SERVED_VERSION]))
    # FastAPI's pages about itself load scripts from other servers.
    own = [route for route in server.router.routes if getattr(route, "include_in_schema", False)]
    server.router.routes[:] = [*own, *picture_routes(pictures, page)]
    return OneSentenceErrors(OwnPagesOnly(RequestLimits(server)))
