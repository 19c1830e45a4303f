"""The address of the MLflow store. This module does not import MLflow, which takes a second."""

import os
from pathlib import Path

from pipeline.safe_text import redacted

DEFAULT_STORE = "sqlite:///mlflow.db"
ARTIFACTS = Path("mlartifacts")
"""Where runs of an SQLite store keep their files."""


def store_address() -> str:
    """The URI of the store: `MLFLOW_TRACKING_URI`, or an SQLite file in the project's folder."""
    return os.environ.get("MLFLOW_TRACKING_URI") or DEFAULT_STORE


def shown_address() -> str:
    """The URI of the store without user name and password."""
    return shown(store_address())


def shown(address: str) -> str:
    """A URI without user name and password.

    >>> shown("https://me:secret@host:5000/path")
    'https://host:5000/path'
    """
    return redacted(address)
