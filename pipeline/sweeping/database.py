"""The database of sweeps: Optuna's storage in an SQLite file, or in PostgreSQL if several machines share a sweep.

Create it safely when several processes start at once, wait while it is unreachable, and lock it.
"""

import logging
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import optuna
import sqlalchemy
from filelock import FileLock
from optuna.storages import RDBStorage
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from pipeline.console import say
from pipeline.errors import UserError
from pipeline.safe_text import redacted
from pipeline.storage.files import replacing
from pipeline.storage.interrupts import deferred_interrupts

optuna.logging.set_verbosity(optuna.logging.ERROR)
logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)  # It logs every connection that Ctrl-C interrupts.

PATIENCE = 600.0
"""Seconds to retry while the database is unreachable."""

PERMANENT_ERRORS = (
    "disk is full",
    "disk I/O error",  # also a full disk, when the first connection creates its files
    "readonly database",
    "no such table",
    "malformed",
    "not a database",
    "password authentication failed",
)
"""Parts of the messages of database errors that retrying cannot fix."""

DAMAGED = ("malformed", "not a database", "no such table", "no such column")
"""Parts of SQLite's messages about a file whose contents are wrong."""

DATABASE_ERRORS = (optuna.exceptions.StorageInternalError, SQLAlchemyError)

Result = TypeVar("Result")


def full_address(storage: str) -> str:
    """The address with an absolute path, so that processes in other working directories can use it.

    Raises:
        UserError: the address is invalid, has an unsupported kind, or contains a password.
    """
    try:
        address = sqlalchemy.make_url(storage)
    except ArgumentError:
        address = None
    kind = address.get_backend_name() if address is not None else ""
    if address is None or kind not in ("sqlite", "postgresql") or (kind == "sqlite" and not address.database):
        raise UserError(
            "`hydra.sweeper.storage` must be sqlite:///FILE or postgresql://USER@HOST/DATABASE. "
            f"Received '{redacted(storage, addresses=[storage]) if '://' in storage else storage.partition(':')[0]}'."
        )
    if address.password or any("password" in name for name in address.query):
        raise UserError(
            f"`hydra.sweeper.storage` must not contain a password, because Hydra writes overrides to files. Received "
            f"'{redacted(storage, addresses=[storage])}'. Set PGPASSWORD, or write the password to ~/.pgpass."
        )
    if kind == "sqlite":
        return f"sqlite:///{Path(str(address.database)).resolve()}"
    return address.set(drivername="postgresql+psycopg").render_as_string()


def create_database(storage: str) -> None:
    """Create the file and tables of a new database; several processes may call this at the same time.

    Raises:
        UserError: the database is unreachable.
    """
    if not storage.startswith("sqlite:"):
        with database_errors_explained(storage), _postgresql_lock(storage, "convtrack"):
            RDBStorage(storage).engine.dispose()
        return
    file = Path(storage.removeprefix("sqlite:///"))
    if file.is_dir() or not file.parent.is_dir():
        raise UserError(f"`hydra.sweeper.storage` must be a file in an existing folder. Received {storage}.")
    with database_errors_explained(storage), FileLock(_lock_file(storage)):
        if file.exists() and file.stat().st_size:
            return
        # Ctrl-C or a full disk would leave an unusable, incomplete file, so it is renamed last.
        with replacing(file) as unfinished:
            new = RDBStorage(f"sqlite:///{unfinished}")
            with closing(new.engine.raw_connection()) as connection:
                connection.cursor().execute("pragma journal_mode=wal")
            new.remove_session()
            new.engine.dispose()


@cache
def connected(storage: str) -> RDBStorage:
    """An existing database, which this process keeps open.

    Raises:
        UserError: the database is missing or unreachable.
    """
    with database_errors_explained(storage):
        if storage.startswith("sqlite:"):
            file = Path(storage.removeprefix("sqlite:///"))
            if not file.is_file():
                raise UserError(f"{file} does not exist: start a sweep with `convtrack experiment -m`.")
            # Mode `rw`, because SQLite would create an empty file while the real one is unavailable.
            opened = RDBStorage(
                f"sqlite:///file:{quote(str(file))}?mode=rw&uri=true", engine_kwargs={"connect_args": {"timeout": 60}}
            )
            sqlalchemy.event.listen(opened.engine, "connect", _sync_at_checkpoints_only)
            opened.remove_session()
            opened.engine.dispose()  # Connections that are already open were created without the listener.
            return opened
        return RDBStorage(storage, engine_kwargs={"pool_pre_ping": True})


def _sync_at_checkpoints_only(connection: Any, _: object) -> None:
    """In WAL mode, a power failure may then lose the last transactions but cannot damage the file."""
    connection.execute("pragma synchronous=normal")


def with_retries(call: Callable[[], Result]) -> Result:
    """The result of a repeatable call, retried for `PATIENCE` seconds while the database is unreachable.

    Ctrl-C takes effect after the call.
    """
    until, pause = time.monotonic() + PATIENCE, 0.2
    while True:
        try:
            with deferred_interrupts():
                return call()
        except DATABASE_ERRORS as problem:
            if not _is_temporary(problem) or time.monotonic() > until:
                raise
            if pause > 2:
                say("The database of sweeps does not respond. Retrying.")
            time.sleep(pause)
            pause = min(2 * pause, 5.0)


def _is_temporary(problem: BaseException) -> bool:
    """Whether the database is temporarily unreachable. A full disk does not count."""
    error: BaseException | None = problem
    while error is not None:
        if isinstance(error, sqlalchemy.exc.OperationalError):
            return not any(words in str(error) for words in PERMANENT_ERRORS)
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            return True
        error = error.__cause__ or error.__context__
    return False


@contextmanager
def study_lock(study: optuna.Study, storage: str) -> Iterator[None]:
    """Exclude other schedulers from claiming or releasing trials of this study."""
    if storage.startswith("sqlite:"):
        with FileLock(_lock_file(storage)):
            yield
    else:
        with _postgresql_lock(storage, study.study_name):
            yield


def _lock_file(storage: str) -> str:
    """A file next to the database, because several projects may share it."""
    return f"{storage.removeprefix('sqlite:///')}.lock"


@contextmanager
def _postgresql_lock(storage: str, name: str) -> Iterator[None]:
    engine = sqlalchemy.create_engine(storage, poolclass=sqlalchemy.pool.NullPool)
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text("select pg_advisory_lock(hashtext(:name))"), {"name": name})
        # PostgreSQL releases the lock with the connection, however the block ends.
        yield


@contextmanager
def database_errors_explained(storage: str) -> Iterator[None]:
    """Turn failures of the database, and values in it that cannot be read, into a `UserError`."""
    try:
        yield
    except (*DATABASE_ERRORS, ImportError, OSError, ValueError) as problem:
        if isinstance(problem, ValueError) and not _from_database(problem):
            raise
        shown = storage.replace("+psycopg", "", 1)
        if isinstance(problem, ImportError):
            raise UserError(f"{shown} needs the extra `postgresql`: pip install -e '.[postgresql]'.") from None
        root: BaseException = problem
        while root.__cause__ is not None:
            root = root.__cause__
        reason = " ".join(str(root).split())[:200]
        if isinstance(root, ValueError) or any(words in reason for words in DAMAGED):
            advice = "The file is damaged: restore it from a copy, or move it away and start the sweep again"
        elif "disk" in reason:
            advice = "Free some space and run the same command again"
        elif shown.startswith("sqlite:"):
            advice = "Make the file writable or move it away, or name another file (hydra.sweeper.storage)"
        else:
            advice = "Start the server, or name another one (hydra.sweeper.storage)"
        raise UserError(f"Cannot use the database of sweeps {shown} ({reason}). {advice}.") from None


def _from_database(problem: ValueError) -> bool:
    """Whether SQLAlchemy or Optuna has raised an exception while it converted a value of the database."""
    *_, (frame, _) = traceback.walk_tb(problem.__traceback__)
    return frame.f_globals["__name__"].split(".")[0] in ("sqlalchemy", "optuna", "json")
