"""The connection to the MLflow store: its address, its lock, and its errors as `UserError`."""

import errno
import logging
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import mlflow
import requests
from filelock import FileLock
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from pipeline.errors import Unreachable, UserError
from pipeline.storage.files import replacing
from pipeline.storage.folders import CACHE
from pipeline.storage.interrupts import deferred_interrupts
from pipeline.tracking.address import ARTIFACTS, DEFAULT_STORE, shown, store_address

for _name in ("mlflow", "alembic", "urllib3"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)  # They also raise every error that they log.

SEARCH_LIMIT = 1000
"""The number of runs that one search returns at most."""

STORE_ERRORS = (MlflowException, requests.RequestException, SQLAlchemyError, OSError)
"""Exceptions of a store that is unreachable."""


@contextmanager
def connecting(address: str | None = None) -> Iterator[mlflow.MlflowClient]:
    """Yield a client of the store. Within the block MLflow does not retry.

    Args:
        address: the URI of the store; without it, the project's store, which becomes MLflow's current one.

    Raises:
        UserError: the store cannot be opened.
        Unreachable: the store does not respond.
        OSError: the disk is full.
    """
    chosen, address = address, address or store_address()
    retries = os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"]
    os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"
    try:
        if address.startswith("sqlite:///"):
            _open_sqlite(Path(address.removeprefix("sqlite:///")))
        if chosen is None:
            mlflow.set_tracking_uri(address)
        yield mlflow.MlflowClient(address) if address.startswith("http") else _DatabaseClient(address)
    except UserError:
        raise
    except Exception as problem:
        raise _connection_error(problem, address) from None
    finally:
        os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = retries


class _DatabaseClient(mlflow.MlflowClient):
    """A client of a database, whose calls Ctrl-C does not interrupt.

    SQLAlchemy may replace a KeyboardInterrupt by an error of its own, or leave the database locked for 20 s.
    """

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        return found if name.startswith("_") or not callable(found) else deferred_interrupts()(found)


@contextmanager
def store_lock() -> Iterator[None]:
    """Keep other processes of this project from creating the store or a run, or logging a network, in the meantime."""
    CACHE.mkdir(exist_ok=True)
    with FileLock(CACHE / "mlflow.lock"):
        yield


def check_artifact_folder(location: str) -> None:
    """Raise `UserError` if the project was moved or copied and `location`, its folder of artifacts, was left behind."""
    if store_address() == DEFAULT_STORE and location != ARTIFACTS.resolve().as_uri():
        raise UserError(
            f"mlflow.db belongs to a project in another folder: its artifacts are in {location}. Move the project "
            "back, or delete mlflow.db and fill a new one with `convtrack publish`."
        )


def _open_sqlite(file: Path) -> None:
    """Create the database if it is missing, and check that it is one: MLflow itself would retry for minutes."""
    try:
        if file.parent.is_dir() and not (file.exists() and file.stat().st_size):
            # Created under another name, because Ctrl-C or a full disk would leave a database that can never be used.
            with replacing(file) as unfinished:
                mlflow.MlflowClient(f"sqlite:///{unfinished.resolve()}").search_experiments(max_results=1)
        with closing(sqlite3.connect(file, timeout=20)) as connection:
            connection.execute("pragma schema_version")
    except sqlite3.Error as problem:
        raise UserError(
            f"The tracking store sqlite:///{file} cannot be opened ({problem}). Move the file away, create its folder, "
            "or set MLFLOW_TRACKING_URI."
        ) from None


def _connection_error(problem: Exception, address: str) -> Exception:
    """The error to raise for an exception of the store at this address."""
    reason = _root_cause(problem)
    if "disk is full" in reason:
        return OSError(errno.ENOSPC, reason, shown(address))
    if address.startswith("sqlite:"):
        advice = "Move the file away, or set MLFLOW_TRACKING_URI."
    else:
        action = "Start it" if address.startswith("http") else "Correct MLFLOW_TRACKING_URI"
        advice = f"{action}, or unset MLFLOW_TRACKING_URI to keep runs in {DEFAULT_STORE}."
    return Unreachable(f"The tracking store {shown(address)} cannot be reached ({reason}). {advice}")


def _root_cause(problem: BaseException) -> str:
    """The message of the operating system or the import error at the root of a chain, else that of `problem`."""
    message, cause = str(problem), problem.__cause__ or problem.__context__
    while cause is not None:
        if isinstance(cause, ImportError) or (isinstance(cause, OSError) and cause.strerror):
            message = str(getattr(cause, "strerror", cause))
        cause = cause.__cause__ or cause.__context__
    # SQLAlchemy appends the statement and a link.
    return " ".join(re.split(r"\[SQL|\(Background", message)[0].split())[:300]
