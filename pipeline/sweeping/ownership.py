"""Which process runs which trial, and whether it is still alive.

Optuna's heartbeat needs `study.optimize`, which Hydra's launchers do not use. Each trial therefore stores its owner and
the time of the owner's last heartbeat. A trial whose owner has died goes back to the queue under the same number.
"""

import time
from contextlib import suppress

import optuna
from optuna.trial import FrozenTrial, TrialState

from pipeline.storage.processes import is_gone, is_local, this_process

OWNER = "owner"
"""Attribute of a trial: the process that runs it (`pipeline.storage.processes`)."""
SCHEDULER = "scheduler"
"""Attribute of a trial: the process that claimed it last, and launched its owner."""
HEARTBEAT = "alive"
"""Attribute of a trial: when its owner sent the last heartbeat, in seconds since 1970."""
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


def is_dead(trial: FrozenTrial, silence: float) -> bool:
    """Whether the owner of a running trial has died.

    An owner on another machine counts as dead after `silence` seconds without a heartbeat. Call this under
    `study_lock`, because a new trial has no owner for a moment.
    """
    owner = trial.user_attrs.get(OWNER)
    if owner is None or is_gone(owner):
        return True
    return not is_local(owner) and time.time() - trial.user_attrs[HEARTBEAT] > silence


def requeue(study: optuna.Study, trial: FrozenTrial) -> None:
    """Return a running trial to the queue, to run again with the same number and settings, unless it has just ended."""
    with suppress(optuna.exceptions.UpdateFinishedTrialError):
        study._storage.set_trial_state_values(trial._trial_id, TrialState.WAITING)
