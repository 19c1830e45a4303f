"""Load a packaged network as a Python function of MLflow (`mlflow.pyfunc.load_model`); MLflow imports this module."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.data.pictures.opening import Unreadable
from pipeline.deployment.picture_model import Decoded, Picture, PictureModel
from pipeline.deployment.sent_pictures import picture_bytes, sent_picture

if TYPE_CHECKING:
    import pandas as pd

SERVING = "_MLFLOW_IS_IN_SERVING_ENVIRONMENT"
"""MLflow sets this variable in its scoring server."""
ERROR_RATE = "error_rate"
"""The parameter of a prediction; with 0, the network never abstains."""
SPACE = re.compile(rb"\s")


class PictureFunction:
    """A packaged network with the interface of MLflow's Python functions."""

    def __init__(self, model: PictureModel) -> None:
        """Use a packaged network."""
        self.model = model

    def predict(self, model_input: Any, params: Mapping[str, Any] | None = None) -> "pd.DataFrame":
        """Classify pictures.

        Args:
            model_input: the pictures, in the first column of a table, each in a cell or several as a list in a cell:
                paths, bytes of files, or uint8 arrays. In a server, strings are the bytes of files in Base64, never
                paths.
            params: `error_rate`, the wanted error rate, above which the network abstains.
        """
        column = model_input.iloc[:, 0] if hasattr(model_input, "iloc") else model_input
        rate = (params or {}).get(ERROR_RATE) or None
        serving = os.environ.get(SERVING) == "true"
        pictures = [_sent(value) for value in column] if serving else [one for value in column for one in _given(value)]
        decoded = iter(self.model.pixels([one for one in pictures if not isinstance(one, Decoded)]))
        answers = self.model.answers_to(
            [one if isinstance(one, Decoded) else next(decoded) for one in pictures], error_rate=rate
        ).to_frame()
        if serving and (answers["problem"] != "").any():
            return answers.astype(object).where(answers.notna(), None)  # JSON has no NaN.
        return answers


def _given(value: Any) -> Sequence[Picture]:
    """The pictures in a cell: MLflow makes one cell of a list in a mapping. Nested numbers are a single picture."""
    if not isinstance(value, list):
        return [value]
    return value if all(isinstance(one, str | bytes | np.ndarray) for one in value) else [np.asarray(value, np.uint8)]


def _sent(value: Any) -> Picture | Decoded:
    """A picture of a request to MLflow's server, or the problem of what is none."""
    if isinstance(value, bytes):
        return _file(value)
    try:
        return sent_picture(value)
    except Unreadable as problem:
        return Decoded(None, (), str(problem))


def _file(content: bytes) -> bytes:
    """The bytes of a file. MLflow decodes the Base64 of tables, but not that of `instances`."""
    if not content.isascii() or SPACE.search(content):
        return content  # Base64 has only letters, digits and signs; no picture file is made of them alone.
    try:
        return picture_bytes(content.decode("ascii"))
    except Unreadable:
        return content


def _load_pyfunc(path: str) -> PictureFunction:
    return PictureFunction(PictureModel.load(Path(path)))
