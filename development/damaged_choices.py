"""The readers of what has no digest: every file of conf/, and the databases of MLflow and of sweeps.

A person edits conf/, so another valid value is right there. The databases are those of other programs: `verify`
compares MLflow's with the run folders, and nothing else holds the numbers of a sweep.
"""

import os
import pickle
from collections.abc import Iterator, Mapping
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import optuna

from development.damaged_files import KINDS, Case, Reader, files_read, observed
from pipeline.cli.composing import composed
from pipeline.cli.messages import sentence
from pipeline.config.champion_file import read_champion
from pipeline.config.reading import CONF, read_comparison
from pipeline.config.tracking_file import read_tracking
from pipeline.data.prepared import read_manifest
from pipeline.errors import UserError
from pipeline.storage.folders import PREPARED, RunFolder
from pipeline.sweeping.database import create_database, database_errors_explained
from pipeline.sweeping.study import create_study, open_study, study_names
from pipeline.sweeping.summary import summarise

SWEEPS = Path("sweeps.db")
STORE = Path("mlflow.db")


def configurations() -> Mapping[str, Reader]:
    """A reader for each file of conf/, by the name of the file: it composes the configuration of a command."""
    return {str(file): _configuration(file) for file in sorted(CONF.rglob("*.yaml"))}


def configuration_cases() -> Iterator[Case]:
    """Every kind of damage of every file of conf/, for its own reader."""
    for name in configurations():
        for kind in KINDS:
            yield Case(Path(name), kind, name)


def _configuration(file: Path) -> Reader:
    group, name = str(file.parent.relative_to(CONF)), file.stem
    if group == "." and name == "tracking":
        return read_tracking
    if group == "." and name == "champion":
        return lambda: (read_champion(), composed("report", []))
    if group == "." and name == "interpretation":
        return lambda: composed("interpret", [])
    model = [] if group == "model" else ["model=fully_connected"]
    if group == "." and name == "evaluation":
        return lambda: composed("evaluate", model)
    return lambda: composed("experiment", [*model, *([] if group == "." else [f"{group}={name}"])])


def databases() -> Mapping[str, Reader]:
    """The readers of the databases, by name."""
    # Imported before the processes of the readers start. The import of MLflow's tables raises a warning.
    from pipeline.tracking import store, tracker
    from pipeline.verification import logged_runs

    return {
        "store": _apart(lambda: _store(store, logged_runs)),
        "new run": _apart(lambda: tracker.Tracker.open(str(read_comparison().data)).experiment),
        "sweeps": _apart(_sweeps),
    }


def database_cases(known: Mapping[str, Reader]) -> Iterator[Case]:
    """Every kind of damage of the databases."""
    for name, reader in known.items():
        for file in files_read(reader):
            if file in (SWEEPS, STORE):
                for kind in KINDS:
                    # A missing store is a new one for a new run.
                    if (name, kind) != ("new run", "missing"):
                        yield Case(file, kind, name)


def write_sweep() -> None:
    """Write a database with a small sweep into the working directory."""

    def sweep() -> None:
        create_database(_address())
        study = create_study("small", _address(), [optuna.study.StudyDirection.MINIMIZE])
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=5)

    _apart(sweep)()


def _apart(reader: Reader) -> Reader:
    """The reader in a process of its own, because libraries keep databases open until a process ends."""

    def work(results: Connection) -> None:
        with observed() as opened:
            try:
                value, problem = reader(), None
            except Exception as raised:
                value, problem = None, sentence(raised) or f"TRACEBACK {type(raised).__name__}: {raised}"
        results.send((pickle.dumps(value), problem, opened))

    def run() -> Any:
        receiving, sending = get_context("fork").Pipe(duplex=False)
        process = get_context("fork").Process(target=work, args=(sending,))
        process.start()
        value, problem, opened = receiving.recv()
        process.join()
        for end in (receiving, sending):
            end.close()
        for name in opened:
            if os.path.exists(name):  # noqa: PTH110
                Path(name).open("rb").close()  # Show the caller, too, that the file is read.
        if problem is not None:
            raise (RuntimeError if problem.startswith("TRACEBACK") else UserError)(problem)
        return pickle.loads(value)

    return run


def _store(tracking: Any, verification: Any) -> Any:
    """What MLflow holds of the comparison; raises `UserError` if it is not what the run folders hold."""
    settings, store = read_comparison(), tracking.Store.open()
    digest, part = read_manifest(PREPARED)["digest"], verification.own_part(store, settings.data)
    runs = [RunFolder.of(name) for name in (*settings.models, *settings.baselines)]
    found = [check for run in runs for check in verification.logged_runs(store, part, run, digest)]
    found.append(verification.logged_report(store, part))
    for check in found:
        if check.state != "ok":
            raise UserError(check.line)
    return len(found)


def _sweeps() -> Any:
    with database_errors_explained(_address()):
        return [repr(summarise(open_study(name, _address()))) for name in study_names(_address())]


def _address() -> str:
    return f"sqlite:///{SWEEPS.resolve()}"
