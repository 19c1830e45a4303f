"""Time the commands that use MLflow and Optuna in a store of 100,000 runs with 10,000,000 metric points.

The store is an SQLite file, and the same again in a PostgreSQL server if one is installed. All runs are in the
experiment of the comparison: 20,000 models with four replicates each. A second database has 100,000 trials of 100
sweeps. SQL fills the tables, because MLflow would take hours. `publish` needs a finished comparison in this folder.

    python -m benchmarks.large_store         # 15 minutes on 2 cores, and 4 GB of disk space
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import optuna
import sqlalchemy
from optuna.distributions import CategoricalDistribution, FloatDistribution

from benchmarks import compare
from benchmarks.command import run_part
from benchmarks.measurements import Measurement, of_rounds
from benchmarks.store_rows import copy_sweeps, fill_store
from pipeline.console import say
from pipeline.data.prepared import read_manifest
from pipeline.storage.folders import INTERPRETATION, NETWORKS, PLAN, PREPARED, REPORTS, RUNS, TEST_SETS
from pipeline.sweeping.database import create_database, full_address, study_lock
from pipeline.sweeping.ownership import claim
from pipeline.sweeping.samplers import make_sampler
from pipeline.sweeping.space import Parameter, Space
from pipeline.sweeping.study import create_study, trials_of
from pipeline.tracking.tracker import Tracker
from tests.system.sweeping.servers import POSTGRESQL, DatabaseServer, postgresql

RUN_COUNT, POINTS = 100_000, 10_000_000
SWEEPS, TRIALS = 100, 1_000
RATES, SIZES = FloatDistribution(0.001, 0.3, log=True), CategoricalDistribution(("16", "32"))
SPACE = Space(
    (
        Parameter("optimizer.learning_rate", "tag(log, interval(0.001, 0.3))", RATES, None),
        Parameter("training.batch_size", "choice(16, 32)", SIZES, SIZES.choices),
    )
)
SECONDS = {"compare": 10.0, "start": 1.0, "epoch": 0.2, "publish": 30.0, "claim": 1.0}
"""The stated times: limits by operation."""
ROUNDS = 3
FINISHED = (RUNS, NETWORKS, REPORTS, PLAN, PREPARED, TEST_SETS, INTERPRETATION, Path("conf"))
"""What a finished comparison consists of, without the champion."""


def measure(rounds: int) -> Iterator[Measurement]:
    """Yield the seconds of each operation in both kinds of stores."""
    project = Path.cwd()
    servers = {"SQLite": nullcontext()} | ({"PostgreSQL": postgresql()} if _has_postgresql() else {})
    for kind, server in servers.items():
        with TemporaryDirectory() as scratch, server as running, _in_copy(project, Path(scratch)):
            os.environ["PYTHONPATH"] = str(project)
            address = _database_of_mlflow(running) if running else f"sqlite:///{scratch}/mlflow.db"
            os.environ["MLFLOW_TRACKING_URI"] = address
            yield from _store(kind, address, rounds)
            yield from _claims(kind, running.address if running else f"sqlite:///{scratch}/sweeps.db", rounds)


def _has_postgresql() -> bool:
    return POSTGRESQL is not None and find_spec("psycopg") is not None


def _database_of_mlflow(server: DatabaseServer) -> str:
    """Create a database of its own for MLflow, whose tables have names that Optuna's have, too."""
    os.environ["PGPASSWORD"] = server.password
    engine = sqlalchemy.create_engine(full_address(server.address), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE DATABASE mlflow")
    engine.dispose()
    return full_address(server.address).replace("/postgres", "/mlflow")


@contextmanager
def _in_copy(project: Path, folder: Path) -> Iterator[None]:
    """Work in a copy of the finished comparison of the project, if there is one."""
    for part in FINISHED:
        if (project / part).is_dir():
            shutil.copytree(project / part, folder / part)
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(project)


def _store(kind: str, address: str, rounds: int) -> Iterator[Measurement]:
    finished = (PREPARED / "manifest.json").is_file() and RUNS.is_dir()
    tracker = Tracker.open(read_manifest(PREPARED)["name"] if finished else "elpv")
    began = time.perf_counter()
    fill_store(address, tracker.experiment, models=RUN_COUNT // 5, points=POINTS)
    say(f"{kind}: filled in {time.perf_counter() - began:.0f} s")
    runs = [compare.publish(tracker, number, Path.cwd()) for number in range(compare.COMPARED)]
    ways = {"by id": runs, "by a filter": ["params.training.epochs = '10'"]}
    for way, arguments in ways.items():
        taken = [compare.seconds(arguments, Path.cwd()) for _ in range(rounds)]
        yield _seconds(kind, "compare", f"`convtrack compare`, {compare.COMPARED} runs {way}", taken)
    name = read_manifest(PREPARED)["name"] if finished else "elpv"
    yield _seconds(kind, "start", "open the store and start five runs", [_start(name, one) for one in range(rounds)])
    yield _seconds(kind, "epoch", "log an epoch", [_epoch(tracker, one) for one in range(10 * rounds)])
    if finished:
        yield _seconds(
            kind, "publish", "`convtrack publish`, nothing to log", [_publish() for _ in range(rounds + 1)][1:]
        )
    else:
        yield Measurement("large_store", f"{kind}: `convtrack publish`", None, note="no finished comparison here")


def _seconds(kind: str, operation: str, name: str, taken: list[float]) -> Measurement:
    return of_rounds("large_store", f"{kind}: {name}", taken, unit="s", goal=SECONDS[operation])


def _start(name: str, number: int) -> float:
    """Open the store and create the runs of a model with four replicates."""
    began = time.perf_counter()
    tracker = Tracker.open(name)
    parent = tracker.parent(f"a11{number}", "model", parameters={"training.epochs": 3}, tags={})
    for replicate in range(compare.REPLICATES):
        run = tracker.child(parent, f"b22{number}-{replicate}", "model", replicate, parameters={}, tags={})
        tracker.start(run)
    taken = time.perf_counter() - began
    for run in [
        parent,
        *(child.info.run_id for child in tracker.client.search_runs([tracker.experiment], _below(parent))),
    ]:
        tracker.end(run, "FINISHED")
    return taken


def _below(parent: str) -> str:
    return f"tags.mlflow.parentRunId = '{parent}'"


def _epoch(tracker: Tracker, number: int) -> float:
    run = tracker.parent(f"c33{number}", "model", parameters={}, tags={})
    began = time.perf_counter()
    tracker.log_epochs(run, [{"train/loss": 0.5, "val/loss": 0.5, "train/accuracy": 0.5, "val/accuracy": 0.5}])
    return time.perf_counter() - began


def _publish() -> float:
    began = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", "pipeline", "publish"], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return time.perf_counter() - began


def _claims(kind: str, address: str, rounds: int) -> Iterator[Measurement]:
    """The claim of a trial of one of many sweeps."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = full_address(address)
    create_database(storage)
    study = create_study("sweep", storage, [optuna.study.StudyDirection.MINIMIZE])
    study.sampler = optuna.samplers.RandomSampler(seed=0)
    for _ in range(TRIALS):
        trial = study.ask()
        claim(study, trial._trial_id)
        SPACE.suggest(trial)
        study.tell(trial, trial.params["optimizer.learning_rate"])
    copy_sweeps(storage, SWEEPS, TRIALS)
    taken = []
    for number in range(3 * rounds):
        began = time.perf_counter()
        with study_lock(study, storage):
            trials_of(study, optuna.trial.TrialState.RUNNING)
            study.sampler = make_sampler(
                "tpe", {}, space=SPACE, directions=study.directions, seed=0, trial_number=len(trials_of(study))
            )
            trial = study.ask()
            claim(study, trial._trial_id)
            SPACE.suggest(trial)
        taken.append(time.perf_counter() - began)
        study.tell(trial, 0.1 + number)
    yield _seconds(
        kind, "claim", f"claim a trial after {TRIALS:,}, among {SWEEPS * TRIALS:,} of {SWEEPS} sweeps", taken
    )


if __name__ == "__main__":
    run_part("large_store")
