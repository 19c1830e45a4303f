"""Load a packaged network as a Python function of MLflow (`mlflow.pyfunc.load_model`); MLflow imports this module."""

import base64
import binascii
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.deployment.picture_model import Picture, PictureModel

if TYPE_CHECKING:
    import pandas as pd

SERVING = "_MLFLOW_IS_IN_SERVING_ENVIRONMENT"
"""MLflow sets this variable in its scoring server."""
ERROR_RATE = "error_rate"
"""The parameter of a prediction; 0 answers for every picture."""


class PictureFunction:
    """A packaged network with the interface of MLflow's Python functions."""

    def __init__(self, model: PictureModel) -> None:
        """Use a packaged network."""
        self.model = model

    def predict(self, model_input: Any, params: Mapping[str, Any] | None = None) -> "pd.DataFrame":
        """Classify pictures.

        Args:
            model_input: the pictures, in the first column of a table: paths, bytes of files, or uint8 arrays. In a
                server, strings are the bytes of files in Base64, never paths.
            params: `error_rate`, the wanted share of wrong answers.
        """
        column = model_input.iloc[:, 0] if hasattr(model_input, "iloc") else model_input
        rate = (params or {}).get(ERROR_RATE) or None
        return self.model.answers([_picture(value) for value in column], error_rate=rate).to_frame()


def _picture(value: Any) -> Picture:
    if isinstance(value, str) and os.environ.get(SERVING) == "true":
        return _from_base64(value)
    if isinstance(value, list):
        return np.asarray(value, np.uint8)
    return value  # type: ignore[no-any-return]


def _from_base64(text: str) -> bytes:
    """The bytes in a Base64 text, or in a data URL; empty, and so unreadable, for any other text."""
    content = text.partition(",")[2] if text.startswith("data:") else text
    try:
        return base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _load_pyfunc(path: str) -> PictureFunction:
    return PictureFunction(PictureModel.load(Path(path)))
