"""The address of the MLflow store. This module does not import MLflow, which takes a second."""

import os
from pathlib import Path
from urllib.parse import unquote

from pipeline.safe_text import redacted
from pipeline.storage.home import home

SQLITE = "sqlite:///"
DEFAULT_STORE = f"{SQLITE}mlflow.db"


def store_address() -> str:
    """The URI of the store: `MLFLOW_TRACKING_URI`, or an SQLite file in the project's home."""
    return _at_home(os.environ.get("MLFLOW_TRACKING_URI") or DEFAULT_STORE)


def is_default_store() -> bool:
    """Whether the store is the SQLite file in the project's home."""
    return store_address() == _at_home(DEFAULT_STORE)


def artifact_folder() -> Path:
    """The folder in which runs of an SQLite store keep their files, an absolute path."""
    return (home() / "mlartifacts").resolve()


def _at_home(address: str) -> str:
    """The URI, where the relative path of an SQLite file is relative to the project's home."""
    return SQLITE + str(home() / address.removeprefix(SQLITE)) if address.startswith(SQLITE) else address


def shown_address() -> str:
    """The URI of the store without user name and password."""
    return shown(store_address())


def shown(address: str) -> str:
    """A URI without user name and password, and without the options with which SQLite opens a file.

    >>> shown("https://me:secret@host:5000/path")
    'https://host:5000/path'
    >>> shown("sqlite:///file:%2Fa%20b%2Fmlflow.db?mode=ro&uri=true")
    'sqlite:////a b/mlflow.db'
    """
    if address.startswith(f"{SQLITE}file:"):
        return SQLITE + unquote(address.removeprefix(f"{SQLITE}file:").partition("?")[0])
    return redacted(address)
