"""A client that only reads a store: nothing is created, migrated or locked.

MLflow migrates a database of an earlier version as soon as it opens it, and adds a default experiment to an empty one.
So an SQLite file of this version is opened read-only, and of any other one a copy is migrated and opened. Other
databases are opened only if their schema is that of this MLflow.
"""

import atexit
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from urllib.parse import quote

import mlflow
import sqlalchemy
from alembic.util import CommandError
from mlflow.exceptions import MlflowException
from mlflow.store.db import utils as schema
from sqlalchemy.exc import SQLAlchemyError

from pipeline.errors import Unreachable, UserError
from pipeline.safe_text import redacted
from pipeline.tracking.address import SQLITE, shown
from pipeline.tracking.connection import connecting


class DamagedStore(UserError):
    """A file that should be a store of MLflow, and is not."""


def resolved_address(text: str) -> str:
    """The URI of a store that a user names by its URI or as an SQLite file.

    Raises:
        UserError: there is no such file, or it is a folder, which MLflow no longer reads.
    """
    file = Path(text.removeprefix("file://").removeprefix("file:"))
    if text.startswith("file:") or ("://" not in text and file.is_dir()):
        raise UserError(
            f"The store {text} is a folder, and MLflow no longer reads stores in folders. Copy it into a database with "
            f"`mlflow migrate-filestore --source {file} --target sqlite:///runs.db`, then name sqlite:///runs.db."
        )
    address = text if "://" in text else f"{SQLITE}{text}"
    if address.startswith(SQLITE) and not Path(address.removeprefix(SQLITE)).is_file():
        raise UserError(
            f"There is no store {text}: name an SQLite file of MLflow, or the URI of a server such as "
            "http://127.0.0.1:5000."
        )
    return address


@contextmanager
def reading(address: str) -> Iterator[Any]:
    """Yield a client of the store at this URI. The copy of an SQLite file is deleted when the process ends.

    Raises:
        DamagedStore: the store is damaged.
        UserError: it is missing, has the schema of another version, or cannot be reached.
    """
    if address.startswith(SQLITE):
        file = Path(address.removeprefix(SQLITE))
        address = _read_only(file) if _is_current(file) else f"{SQLITE}{_copy(file, address)}"
    elif "://" in address and not address.startswith("http"):
        _check_schema(address)
    with connecting(address) as client:
        yield client


def _is_current(file: Path) -> bool:
    """Whether an SQLite file has the schema of this MLflow and an experiment, so that MLflow need not write."""
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True, timeout=20)) as source:
            found = source.execute("SELECT version_num FROM alembic_version").fetchall()
            experiments = source.execute("SELECT 1 FROM experiments LIMIT 1").fetchall()
    except sqlite3.Error:
        return False  # `_copy` reports the reason.
    return bool(experiments) and found == [(_expected_schema(),)]


def _read_only(file: Path) -> str:
    """The URI by which SQLite opens a file without being able to write."""
    # MLflow creates the folder of a path, and takes `file:/a/b` for one: without slashes, there is no folder.
    return f"{SQLITE}file:{quote(str(file.resolve()), safe='')}?mode=ro&uri=true"


def _copy(file: Path, address: str) -> Path:
    if not file.is_file():
        raise UserError(
            f"There is no tracking store {shown(address)} here: run this command in the project's folder, or set "
            "MLFLOW_TRACKING_URI."
        )
    folder = mkdtemp(prefix="convtrack-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    copy = Path(folder) / "copy.db"
    try:
        with (
            closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True, timeout=20)) as source,
            closing(sqlite3.connect(copy)) as target,
        ):
            source.backup(target)
            tables = {name for (name,) in target.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    except sqlite3.Error as problem:
        # Such as a file that is locked, or that this user may not read.
        error = UserError if isinstance(problem, sqlite3.OperationalError) else DamagedStore
        raise error(
            f"The tracking store {shown(address)} cannot be opened ({problem}). Name an SQLite file of MLflow, or "
            "restore this one from a copy."
        ) from None
    if not {"experiments", "runs"} <= tables:
        raise DamagedStore(
            f"{file} is not a store of MLflow: it has no table of runs. Name an SQLite file of MLflow, or restore this "
            "one from a copy."
        )
    _migrate(copy, address)
    return copy


def _migrate(copy: Path, address: str) -> None:
    """Bring the copy of a database of an earlier version of MLflow to this version."""
    engine = sqlalchemy.create_engine(f"{SQLITE}{copy}")
    try:
        if _schema(engine) != _expected_schema():
            schema._upgrade_db(engine)  # type: ignore[no-untyped-call]
    except (CommandError, SQLAlchemyError, MlflowException):
        raise UserError(
            f"The tracking store {shown(address)} has the schema {_schema(engine)} of another version of MLflow, which "
            f"this one ({mlflow.__version__}) cannot read. Start a server with the version that wrote it, and name its "
            "address."
        ) from None
    finally:
        engine.dispose()


def _check_schema(address: str) -> None:
    """Raise `UserError` if MLflow would migrate the database."""
    try:
        engine = sqlalchemy.create_engine(address)
        found = _schema(engine)
        engine.dispose()
    except (SQLAlchemyError, ImportError) as problem:
        reason = redacted(str(problem).splitlines()[0])
        raise Unreachable(
            f"The tracking store {shown(address)} cannot be reached ({reason}). Correct its URI."
        ) from None
    if found != _expected_schema():
        raise UserError(
            f"The tracking store {shown(address)} has the schema {found} of another version of MLflow than this "
            f"one ({mlflow.__version__}). Start a server with the version that wrote it, and name its address."
        )


def _schema(engine: sqlalchemy.Engine) -> str | None:
    found: str | None = schema._get_schema_version(engine)  # type: ignore[no-untyped-call]
    return found


def _expected_schema() -> str:
    return str(schema._get_latest_schema_revision())  # type: ignore[no-untyped-call]
