"""The connection to the MLflow store: its address, its lock, and its errors as `UserError`."""

import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import mlflow
import sqlalchemy
from filelock import FileLock
from mlflow.store.db.db_types import DATABASE_ENGINES

from pipeline.errors import UserError
from pipeline.storage.files import replacing
from pipeline.storage.folders import cache_folder
from pipeline.storage.interrupts import deferred_interrupts
from pipeline.tracking.address import SQLITE, store_address
from pipeline.tracking.artifact_store import METHODS, artifact_errors
from pipeline.tracking.store_errors import connection_error

for _name in ("mlflow", "alembic", "urllib3"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)  # They also raise every error that they log.

SEARCH_LIMIT = 1000
"""The number of runs that one search returns at most."""


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
        if address.startswith(SQLITE) and not address.startswith(f"{SQLITE}file:"):
            _open_sqlite(Path(address.removeprefix(SQLITE)))
        elif address.partition(":")[0].partition("+")[0] in DATABASE_ENGINES:
            _check_database(address)
        if chosen is None:
            mlflow.set_tracking_uri(address)
        yield _Client(address) if address.startswith("http") else _DatabaseClient(address)
    except UserError:
        raise
    except Exception as problem:
        raise connection_error(problem, address) from None
    finally:
        os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = retries


class _Client(mlflow.MlflowClient):
    """A client that raises `Unreachable` if the files of runs cannot be reached."""

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        return artifact_errors()(found) if name in METHODS else found


class _DatabaseClient(_Client):
    """A client of a database, whose calls Ctrl-C does not interrupt.

    SQLAlchemy may replace a KeyboardInterrupt by an error of its own, or leave the database locked for 20 s.
    """

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        return found if name.startswith("_") or not callable(found) else deferred_interrupts()(found)


@contextmanager
def store_lock() -> Iterator[None]:
    """Keep other processes of this project from creating the store or a run, or logging a network, in the meantime."""
    cache_folder().mkdir(exist_ok=True)
    with FileLock(cache_folder() / "mlflow.lock"):
        yield


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
            f"The tracking store sqlite:///{file} cannot be opened ({problem}). Create its folder, restore the file "
            "from a copy, or move it away and fill a new one with `convtrack publish`."
        ) from None


def _check_database(address: str) -> None:
    """Connect to a database server once: MLflow itself would try for minutes."""
    engine = sqlalchemy.create_engine(address)
    try:
        engine.connect().close()
    finally:
        engine.dispose()
