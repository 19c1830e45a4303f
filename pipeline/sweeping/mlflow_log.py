"""Log a sweep to MLflow while it runs: one run for each data set that its trials use."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import optuna

from pipeline.config.schema import Objective
from pipeline.errors import UserError
from pipeline.reporting.sweep_description import BestTrial
from pipeline.sweeping.database import study_lock
from pipeline.sweeping.definition import MAXIMISED
from pipeline.sweeping.study import sweep_fingerprint
from pipeline.sweeping.summary import Summary
from pipeline.sweeping.sweep_page import sweep_page, trials_table
from pipeline.tracking.publish.sweep_runs import begin_sweep, end_sweep, log_sweep
from pipeline.tracking.tracker import Status, Tracker

INTERVAL = 15.0
"""Seconds between two updates of the runs."""


@dataclass
class SweepLog:
    """The runs of one sweep, one per data set."""

    study: optuna.Study
    objectives: Sequence[Objective]
    runs: Sequence[tuple[Tracker, str]]
    _last_update: float = field(default=0.0, init=False)

    def update(self, summary: Summary) -> None:
        """Log the progress of the sweep, at most once per `INTERVAL`."""
        if time.monotonic() - self._last_update >= INTERVAL:
            self._last_update = time.monotonic()
            self._log(summary)

    def finish(self, summary: Summary) -> None:
        """Log the result of the sweep with its page and its table of trials."""
        with TemporaryDirectory() as scratch:
            page, table = Path(scratch) / "sweep.html", Path(scratch) / "trials.csv"
            page.write_text(sweep_page(self.study, self.objectives), encoding="utf-8")
            trials_table(self.study, self.objectives).to_csv(table, index=False)
            self._log(summary, [page, table])

    def _log(self, summary: Summary, files: Sequence[Path] = ()) -> None:
        best = [
            BestTrial(trial.number, dict(zip(self.objectives, trial.values, strict=True)), trial.params)
            for trial in summary.best
        ]
        for tracker, run in self.runs:
            log_sweep(tracker, run, self.study.study_name, summary.metrics, best, maximised=MAXIMISED, files=files)


@contextmanager
def logging_sweep(
    study: optuna.Study,
    storage: str,
    objectives: Sequence[Objective],
    *,
    data: Sequence[str],
    parameters: Mapping[str, Any],
) -> Iterator[SweepLog]:
    """Log a sweep over these data sets within the block; at its end no run stays RUNNING.

    Raises:
        UserError: the tracking store is unreachable.
    """
    runs = []
    status: Status = "FAILED"
    try:
        for name in data:
            tracker = Tracker.open(name)
            with study_lock(study, storage):
                run = begin_sweep(tracker, study.study_name, sweep_fingerprint(study), parameters)
            runs.append((tracker, run))
        yield SweepLog(study, objectives, runs)
        status = "FINISHED"
    except KeyboardInterrupt:
        status = "KILLED"
        raise
    finally:
        for name, (tracker, run) in zip(data, runs, strict=False):
            end_sweep(tracker, run, status)
            if status != "FINISHED":
                with suppress(UserError):
                    Tracker.open(name)  # Opening a store ends the runs of killed processes.
