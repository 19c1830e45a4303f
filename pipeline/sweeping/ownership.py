"""Which process runs which trial, and whether it is still alive.

Optuna's heartbeat needs `study.optimize`, which Hydra's launchers do not use. Each trial therefore stores its owner and
the owner's last heartbeat. A trial whose owner has died goes back to the queue under the same number.
"""

import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from pipeline.storage.processes import is_gone, is_local, this_process

OWNER = "owner"
"""Attribute of a trial: the process that runs it (`pipeline.storage.processes`)."""
SCHEDULER = "scheduler"
"""Attribute of a trial: the process that claimed it last, and launched its owner."""
HEARTBEAT = "alive"
"""Attribute of a trial: when its owner sent the last heartbeat, in seconds since 1970 by the owner's clock."""
DEATHS = "deaths"
"""Attribute of a trial: how many of its processes have died."""
HEARTBEAT_INTERVAL = 20.0
"""Seconds between two heartbeats."""


def claim(study: optuna.Study, trial_id: int) -> None:
    """Store that this process schedules the trial, and owns it until a worker takes it over."""
    study._storage.set_trial_user_attr(trial_id, SCHEDULER, this_process())
    take_ownership(study, trial_id)


def is_claimed(trial: FrozenTrial) -> bool:
    """Whether this process was the last to claim the trial."""
    return bool(trial.user_attrs.get(SCHEDULER) == this_process())


def take_ownership(study: optuna.Study, trial_id: int) -> None:
    """Store that this process runs the trial."""
    send_heartbeat(study, trial_id)
    study._storage.set_trial_user_attr(trial_id, OWNER, this_process())


def send_heartbeat(study: optuna.Study, trial_id: int) -> None:
    """Store that the trial's process is alive, unless the trial has just ended."""
    with suppress(optuna.exceptions.UpdateFinishedTrialError):
        study._storage.set_trial_user_attr(trial_id, HEARTBEAT, time.time())


@dataclass
class Observer:
    """Tells which owners of trials have died.

    An owner that cannot be looked up here, because it is on another machine or in another container, counts as dead
    after `silence` seconds without a new heartbeat. They are counted by this process's monotonic clock from the first
    time that it sees the heartbeat: clocks of machines differ, and can be set.
    """

    silence: float
    _seen: dict[int, tuple[Any, float]] = field(default_factory=dict, init=False)

    def look(self, running: Iterable[FrozenTrial]) -> None:
        """Note the heartbeats of running trials."""
        for trial in running:
            self._unchanged(trial)

    def is_dead(self, trial: FrozenTrial) -> bool:
        """Whether the owner of a running trial has died.

        Call this under `study_lock`, because a new trial has no owner for a moment.
        """
        owner = trial.user_attrs.get(OWNER)
        if owner is None or is_gone(owner):
            return True
        return not is_local(owner) and self._unchanged(trial) > self.silence

    def _unchanged(self, trial: FrozenTrial) -> float:
        """The seconds since a new heartbeat was first seen."""
        heartbeat, now = (trial.user_attrs.get(OWNER), trial.user_attrs.get(HEARTBEAT)), time.monotonic()
        before, since = self._seen.get(trial.number, (None, now))
        if before != heartbeat:
            since = now
            self._seen[trial.number] = heartbeat, now
        return now - since


def requeue(study: optuna.Study, trial: FrozenTrial) -> None:
    """Return a running trial to the queue, to run again with the same number and settings, unless it has just ended."""
    with suppress(optuna.exceptions.UpdateFinishedTrialError):
        study._storage.set_trial_state_values(trial._trial_id, TrialState.WAITING)
