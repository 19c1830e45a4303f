"""A running trial, as the process that runs it sees it: store values, stop if pruned, store the result.

Process and scheduler communicate only through Optuna's storage, so they may run on different machines.
"""

import resource
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from pipeline.storage.interrupts import deferred_interrupts
from pipeline.storage.processes import this_process
from pipeline.sweeping.database import DATABASE_ERRORS, with_retries
from pipeline.sweeping.ownership import HEARTBEAT_INTERVAL, OWNER, requeue, send_heartbeat, take_ownership
from pipeline.sweeping.pruners import make_pruner
from pipeline.sweeping.study import DEFINITION, MEMORY, REASON, SETTINGS, sweep_fingerprint
from pipeline.training.task import Pruned


class LostOwnership(Exception):
    """Another process runs the trial now, because this one sent no heartbeat for too long."""


class Trial:
    """A running trial; all its values go to the storage."""

    def __init__(self, study: optuna.Study, number: int, scheduler: str) -> None:
        """Open trial `number`, which the process `scheduler` launched."""
        self.number = number
        self.sweeper = scheduler
        self.sweep = study.study_name
        self.sweep_fingerprint = sweep_fingerprint(study)
        self._study = study
        self._storage = study._storage
        self._id = self._storage.get_trial_id_from_study_id_trial_number(study._study_id, number)
        settings = study.user_attrs[SETTINGS]
        study.pruner = make_pruner(
            settings["pruner"]["name"],
            settings["pruner"]["options"],
            max_steps=settings["max_steps"],
            directions=study.directions,
        )
        study.sampler = optuna.samplers.RandomSampler()  # Unused: the scheduler has sampled the settings.
        self.objectives: list[str] = study.user_attrs[DEFINITION]["objectives"]

    def begin(self) -> None:
        """Take the trial over from its scheduler; raises `LostOwnership` if the scheduler no longer owns it."""
        self._check_owner(self._frozen(), self.sweeper)
        take_ownership(self._study, self._id)

    def release(self) -> None:
        """Return the trial to the queue if this process still owns it."""
        trial = self._frozen()
        if trial.state == TrialState.RUNNING and trial.user_attrs.get(OWNER) == this_process():
            requeue(self._study, trial)

    def set_attribute(self, name: str, value: Any) -> None:
        """Store an attribute of the trial."""
        with _lost_if_finished():
            with_retries(lambda: self._storage.set_trial_user_attr(self._id, name, value))

    def report(self, step: int, value: float, *, prunable: bool = True) -> None:
        """Store the value of the first objective after a step, counted from 1.

        While the database is unreachable, values are dropped and training continues.

        Raises:
            Pruned: the trial is not promising.
            LostOwnership: another process runs the trial now.
        """
        try:
            with deferred_interrupts(), _lost_if_finished():
                self._storage.set_trial_intermediate_value(self._id, step, value)
                trial = self._frozen()
                stop = prunable and len(self.objectives) == 1 and self._study.pruner.prune(self._study, trial)
        except DATABASE_ERRORS:
            return
        self._check_owner(trial, this_process())
        if stop:
            raise Pruned

    def complete(self, values: Mapping[str, float]) -> None:
        """End the trial as complete. `values` holds every possible objective."""
        self.set_attribute("values", dict(values))
        self._end(TrialState.COMPLETE, [values[name] for name in self.objectives])

    def prune(self) -> None:
        """End the trial as pruned."""
        self._end(TrialState.PRUNED)

    def fail(self, reason: str) -> None:
        """End the trial as failed."""
        self.set_attribute(REASON, reason)
        self._end(TrialState.FAIL)

    def _end(self, state: TrialState, values: list[float] | None = None) -> None:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # Linux counts in KiB.
        self.set_attribute(MEMORY, round(peak))

        def end() -> None:
            trial = self._frozen()
            if not trial.state.is_finished():
                self._check_owner(trial, this_process())
                self._study.tell(self.number, values, state)

        with_retries(end)

    def _frozen(self) -> FrozenTrial:
        return self._storage.get_trial(self._id)

    @staticmethod
    def _check_owner(trial: FrozenTrial, owner: str) -> None:
        if trial.state != TrialState.RUNNING or trial.user_attrs.get(OWNER) != owner:
            raise LostOwnership

    def send_heartbeats(self, done: threading.Event) -> None:
        """Send heartbeats until `done` is set."""
        while not done.wait(HEARTBEAT_INTERVAL):
            with suppress(*DATABASE_ERRORS):
                send_heartbeat(self._study, self._id)


@contextmanager
def _lost_if_finished() -> Iterator[None]:
    try:
        yield
    except optuna.exceptions.UpdateFinishedTrialError:
        raise LostOwnership from None
