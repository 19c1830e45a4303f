"""The studies of sweeps in Optuna's storage, and which process works on which of their trials.

SQLite in WAL mode by default, PostgreSQL for many machines. Optuna's heartbeat needs `study.optimize`, which launchers
of Hydra leave no room for; so each trial carries its owner and when that gave its last sign of life, and a trial whose
owner is gone waits again under the same number.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import optuna
import sqlalchemy
from filelock import FileLock
from optuna.storages import RDBStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from pipeline.console import say
from pipeline.errors import UserError, unknown
from pipeline.storage.files import replacing
from pipeline.storage.fingerprints import fingerprint
from pipeline.storage.processes import is_gone, is_local, this_process

optuna.logging.set_verbosity(optuna.logging.ERROR)
logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)  # It tells of every connection that Ctrl-C cuts.

DEFINITION = "definition"
IDENTITY = "identity"
SETTINGS = "settings"
OWNER = "owner"
ALIVE = "alive"
DEATHS = "deaths"
REASON = "reason"
PATIENCE = 600.0
"""Seconds for which a storage that does not answer is asked again."""

LASTING = (
    "disk is full",
    "disk I/O error",  # also a full disk, when the first connection makes its files
    "readonly database",
    "no such table",
    "password authentication failed",
)
"""What a storage says that will say the same however long one waits."""

STORAGE_ERRORS = (optuna.exceptions.StorageInternalError, SQLAlchemyError)

Result = TypeVar("Result")


def whole_address(storage: str) -> str:
    """The address as every process of this machine understands it, whatever folder it works in.

    Raises:
        UserError: it is no address, of no known kind, or holds a password.
    """
    try:
        address = sqlalchemy.make_url(storage)
    except ArgumentError:
        address = None
    kind = address.get_backend_name() if address is not None else ""
    if address is None or kind not in ("sqlite", "postgresql") or (kind == "sqlite" and not address.database):
        raise UserError(
            "`hydra.sweeper.storage` must be sqlite:///FILE or postgresql://USER@HOST/DATABASE. "
            f"Received '{address.render_as_string() if address is not None else storage}'."
        )
    if address.password or "password" in address.query:
        raise UserError(
            "`hydra.sweeper.storage` must hold no password, since jobs keep their overrides: set PGPASSWORD, or write "
            f"it to ~/.pgpass. Received '{address.render_as_string()}'."
        )
    if kind == "sqlite":
        return f"sqlite:///{Path(str(address.database)).resolve()}"
    return address.set(drivername="postgresql+psycopg").render_as_string()


def make_storage(storage: str) -> None:
    """Make the file and the tables of a storage that is new; several processes may come at once.

    Raises:
        UserError: it cannot be reached.
    """
    if not storage.startswith("sqlite:"):
        with reaching(storage), _postgresql_lock(storage, "convtrack"):
            RDBStorage(storage).engine.dispose()
        return
    file = Path(storage.removeprefix("sqlite:///"))
    if file.is_dir() or not file.parent.is_dir():
        raise UserError(f"`hydra.sweeper.storage` must be a file in a folder that exists. Received {storage}.")
    with reaching(storage), FileLock(_lock_of(storage)):
        if file.exists() and file.stat().st_size:
            return
        # Beside its name, because a file that is half made, by Ctrl-C or a full disk, can never be used.
        with replacing(file) as unfinished:
            half = RDBStorage(f"sqlite:///{unfinished}")
            with closing(half.engine.raw_connection()) as connection:
                connection.cursor().execute("pragma journal_mode=wal")
            half.remove_session()
            half.engine.dispose()


@cache
def connected(storage: str) -> RDBStorage:
    """A storage that has been made, kept open for as long as this process lives.

    Raises:
        UserError: it is missing, or cannot be reached.
    """
    with reaching(storage):
        if storage.startswith("sqlite:"):
            file = Path(storage.removeprefix("sqlite:///"))
            if not file.is_file():
                raise UserError(f"There is no {file}: no sweep was made here.")
            # `rw`, because SQLite would make an empty file in place of one that is away for a moment.
            opened = RDBStorage(
                f"sqlite:///file:{quote(str(file))}?mode=rw&uri=true", engine_kwargs={"connect_args": {"timeout": 60}}
            )
            sqlalchemy.event.listen(opened.engine, "connect", _hurry)
            opened.remove_session()
            opened.engine.dispose()  # The connections made so far have not heard of it.
            return opened
        return RDBStorage(storage, engine_kwargs={"pool_pre_ping": True})


def _hurry(connection: Any, _: object) -> None:
    """Wait for the disk at checkpoints only: in WAL mode a cut in power may cost the last notes, never the file."""
    connection.execute("pragma synchronous=normal")


def studies(storage: str) -> list[str]:
    """The names of the sweeps in a storage."""
    return sorted(optuna.get_all_study_names(connected(whole_address(storage))))


def open_study(name: str, storage: str) -> optuna.Study:
    """The study of a sweep.

    Raises:
        UserError: there is no such sweep or storage.
    """
    known = studies(storage)
    if name not in known:
        raise unknown("sweep", name, known)
    return optuna.load_study(study_name=name, storage=connected(whole_address(storage)))


def make_study(name: str, storage: str, directions: Sequence[StudyDirection]) -> optuna.Study:
    """The study of this name, made where it is missing."""
    return optuna.create_study(
        study_name=name, storage=connected(storage), directions=list(directions), load_if_exists=True
    )


def sweep_fingerprint(study: optuna.Study) -> str:
    """What tells a sweep apart from all others, earlier ones of the same name included."""
    return fingerprint({"sweep": study.study_name, "identity": study.user_attrs[IDENTITY]})


def patiently(call: Callable[[], Result]) -> Result:
    """The result of a call that may be repeated; a storage that vanishes is waited for, `PATIENCE` seconds at most."""
    until, pause = time.monotonic() + PATIENCE, 0.2
    while True:
        try:
            return call()
        except STORAGE_ERRORS as problem:
            if not _vanished(problem) or time.monotonic() > until:
                raise
            if pause > 2:
                say("The storage of sweeps does not answer; waiting for it.")
            time.sleep(pause)
            pause = min(2 * pause, 5.0)


def _vanished(problem: BaseException) -> bool:
    """Whether a storage does not answer for now; a full disk is no such case."""
    said: BaseException | None = problem
    while said is not None:
        if isinstance(said, sqlalchemy.exc.OperationalError):
            return not any(words in str(said) for words in LASTING)
        if isinstance(said, DBAPIError) and said.connection_invalidated:
            return True
        said = said.__cause__ or said.__context__
    return False


@contextmanager
def alone(study: optuna.Study, storage: str) -> Iterator[None]:
    """Within the block no other sweeper asks for trials of this study, or gives them up."""
    if storage.startswith("sqlite:"):
        with FileLock(_lock_of(storage)):
            yield
    else:
        with _postgresql_lock(storage, study.study_name):
            yield


def _lock_of(storage: str) -> str:
    """Beside the file, because projects may share it."""
    return f"{storage.removeprefix('sqlite:///')}.lock"


@contextmanager
def _postgresql_lock(storage: str, name: str) -> Iterator[None]:
    engine = sqlalchemy.create_engine(storage, poolclass=sqlalchemy.pool.NullPool)
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text("select pg_advisory_lock(hashtext(:name))"), {"name": name})
        # The lock goes with the connection, however the block ends.
        yield


def trials_of(study: optuna.Study, *states: TrialState) -> list[FrozenTrial]:
    """The trials in these states (in any without), by number."""
    return study.get_trials(deepcopy=False, states=states or None)


def own(study: optuna.Study, trial: int) -> None:
    """Say that this process works on the trial of this id."""
    give_sign_of_life(study, trial)
    study._storage.set_trial_user_attr(trial, OWNER, this_process())


def give_sign_of_life(study: optuna.Study, trial: int) -> None:
    """Say that whoever works on the trial of this id still does, unless it has just ended."""
    with suppress(optuna.exceptions.UpdateFinishedTrialError):
        study._storage.set_trial_user_attr(trial, ALIVE, time.time())


def is_dead(trial: FrozenTrial, silence: float) -> bool:
    """Whether nobody works on a running trial: its process is gone, or a machine other than this one is silent.

    Ask only where no other sweeper asks: one that has just been made has no owner yet.
    """
    owner = trial.user_attrs.get(OWNER)
    if owner is None or is_gone(owner):
        return True
    return not is_local(owner) and time.time() - trial.user_attrs[ALIVE] > silence


def wait_again(study: optuna.Study, trial: FrozenTrial) -> None:
    """Put a running trial back, to be made once more with the same number and settings."""
    study._storage.set_trial_state_values(trial._trial_id, TrialState.WAITING)


@contextmanager
def reaching(storage: str) -> Iterator[None]:
    """Within the block whatever keeps a storage from answering is told in one sentence."""
    try:
        yield
    except (*STORAGE_ERRORS, ImportError, OSError) as problem:
        shown = storage.replace("+psycopg", "", 1)
        if isinstance(problem, ImportError):
            raise UserError(f"{shown} needs the extra `postgresql`: pip install -e '.[postgresql]'.") from None
        below: BaseException = problem
        while below.__cause__ is not None:
            below = below.__cause__
        reason = " ".join(str(below).split())[:200]
        if "disk" in reason:
            advice = "Free some space, and run the same command again"
        elif shown.startswith("sqlite:"):
            advice = "Make the file writable or move it away, or name another (hydra.sweeper.storage)"
        else:
            advice = "Start the server, or name another (hydra.sweeper.storage)"
        raise UserError(f"The storage of sweeps {shown} cannot be used ({reason}). {advice}.") from None
