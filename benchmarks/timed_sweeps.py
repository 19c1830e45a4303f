"""Sweeps of this project and of other tools, each timed with its trials; see `benchmarks.sweeps`."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.peers.problem import Choice, Interval, Problem, Steps, TrialRecord, read_records
from pipeline.data.prepared import read_prepared
from pipeline.data.splits import TRAIN, VALIDATION
from pipeline.storage.folders import cache_folder
from pipeline.sweeping.ownership import OWNER
from pipeline.sweeping.study import open_study, trials_of
from pipeline.training.examples import standardisation

STORAGE = "sqlite:///sweeps.db"
SPLIT = "split=random"
KEYS = {
    "filters": "model.options.filters",
    "units": "model.options.units",
    "dropout": "model.options.dropout",
    "learning_rate": "optimizer.learning_rate",
    "batch_size": "training.batch_size",
}
"""The names of the settings in the configuration of this project."""


@dataclass(frozen=True)
class Sweep:
    """One sweep: the start and end of its command, in seconds since 1970, and its trials."""

    began: float
    ended: float
    trials: Sequence[TrialRecord]

    @property
    def seconds(self) -> float:
        """Seconds from the start of the command to its end."""
        return self.ended - self.began

    @property
    def lowest(self) -> float:
        """The lowest validation loss of its complete trials."""
        return min(trial.loss for trial in self.trials if trial.loss is not None)

    def until(self, loss: float) -> float:
        """Seconds from the start of the command to the end of the first complete trial that reaches a loss."""
        ends = [trial.ended for trial in self.trials if trial.loss is not None and trial.loss <= loss]
        return min(ends) - self.began


@contextmanager
def project() -> Iterator[None]:
    """Work in a new folder that contains only the configuration of this project."""
    home = Path.cwd()
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "conf").symlink_to(home / "conf")
        if (home / "data" / "test_sets").is_dir():
            shutil.copytree(home / "data" / "test_sets", folder / "data" / "test_sets")
        os.environ.pop("MLFLOW_TRACKING_URI", None)
        # The other tools may be installed outside of this environment.
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(home), os.environ.get("PYTHONPATH"))))
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(home)


def run(module: str, *arguments: str) -> tuple[float, float]:
    """Run a command and return its start and end; exit if it fails."""
    began = time.time()
    done = subprocess.run([sys.executable, "-m", module, *arguments], capture_output=True, text=True, check=False)
    ended = time.time()
    if done.returncode:
        sys.exit(f"{module} {' '.join(arguments)}\n{done.stdout}{done.stderr}")
    return began, ended


@cache
def prepared(data: str) -> Path:
    """The standardised training and validation images of a data set, in one file for the other tools.

    A short experiment prepares the images and creates MLflow's store.
    """
    run("pipeline", "experiment", f"data={data}", SPLIT, "model=logistic", "training.epochs=1")
    for file in (cache_folder() / "prepared").glob("*/manifest.json"):
        if json.loads(file.read_text(encoding="utf-8"))["name"] == data:
            images = read_prepared(file.parent)
    standardise = standardisation(images, 0)
    columns: dict[str, Any] = {}
    for name, part in (("train", TRAIN), ("validation", VALIDATION)):
        chosen = images.indices(0, part)
        columns |= {name: standardise(np.asarray(images.pixels[chosen])), f"{name}_labels": images.labels[chosen]}
    arrays = Path(f"{data}.npz").resolve()
    np.savez(arrays, **columns)
    return arrays


def ours(name: str, *overrides: str) -> Sweep:
    """Run a sweep of this project."""
    names = f"hydra.sweeper.name={name}", f"hydra.sweep.dir={name}"
    began, ended = run("pipeline", "experiment", "-m", *overrides, *names)
    return Sweep(began, ended, [record for _, record in by_worker(name)])


def by_worker(name: str) -> list[tuple[str, TrialRecord]]:
    """The trials of a sweep of this project, by number, each with the process that ran it.

    A trial starts when Hydra writes its overrides in the worker; the scheduler has claimed it before.
    """
    found = []
    for trial in trials_of(open_study(name, STORAGE)):
        if not trial.state.is_finished() or trial.datetime_complete is None:
            sys.exit(f"Trial {trial.number} of the sweep {name} is {trial.state.name}.")
        values = trial.user_attrs.get("values")
        record = TrialRecord(
            Path(name, str(trial.number), ".hydra", "overrides.yaml").stat().st_mtime,
            trial.datetime_complete.timestamp(),
            values["validation_loss"] if values else None,
            len(trial.intermediate_values),
            values["seconds"] if values else 0.0,
            trial.user_attrs.get("memory_mib"),
        )
        found.append((trial.user_attrs[OWNER], record))
    return found


def peer(module: str, problem: Problem) -> Sweep:
    """Run a sweep of another tool."""
    file = Path(problem.records).with_suffix(".json")
    problem.write(file)
    began, ended = run(f"benchmarks.peers.{module}", str(file))
    return Sweep(began, ended, read_records(problem))


def written(setting: Choice | Steps | Interval) -> str:
    """The range of a setting in Hydra's grammar.

    >>> from benchmarks.peers.problem import SPACE
    >>> [written(SPACE[name]) for name in ("filters", "units", "learning_rate")]
    ['choice([8,16],[16,32],[8,16,32])', 'range(25,151,25)', 'tag(log,interval(0.0003,0.1))']
    """
    if isinstance(setting, Steps):
        return f"range({setting.low},{setting.high + 1},{setting.step})"
    if isinstance(setting, Interval):
        interval = f"interval({setting.low},{setting.high})"
        return f"tag(log,{interval})" if setting.log else interval
    return f"choice({','.join(map(value_written, setting.values))})"


def value_written(value: Any) -> str:
    """A value in Hydra's grammar; filters are a list.

    >>> value_written("8,16"), value_written(0.5)
    ('[8,16]', '0.5')
    """
    return f"[{value}]" if isinstance(value, str) else str(value)
