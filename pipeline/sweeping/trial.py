"""A trial of a sweep, as the job that makes it sees it: report after each epoch, stop when told, tell how it ended.

The only channel between job and sweeper is Optuna's storage, so both may lie on different machines.
"""

import errno
import os
import resource
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from pipeline.config.schema import TrialAddress
from pipeline.errors import Unreachable, reason
from pipeline.storage.processes import is_gone, is_local, this_process
from pipeline.sweeping.samplers import make_pruner
from pipeline.sweeping.study import (
    DEFINITION,
    OWNER,
    REASON,
    SETTINGS,
    STORAGE_ERRORS,
    connected,
    give_sign_of_life,
    own,
    patiently,
    sweep_fingerprint,
    wait_again,
)
from pipeline.training.task import Pruned

SIGN_OF_LIFE = 20.0
"""Seconds between a job's signs of life."""

NO_FAULT_OF_A_TRIAL = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EMFILE}


class Taken(Exception):
    """The trial was given to somebody else, because this process was silent for too long."""


class Trial:
    """A running trial; everything it says goes to the storage."""

    def __init__(self, study: optuna.Study, number: int, sweeper: str) -> None:
        """The trial of this number, which the process `sweeper` has made."""
        self.number = number
        self.sweeper = sweeper
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
        study.sampler = optuna.samplers.RandomSampler()  # Nothing is sampled here.
        self.objectives: list[str] = study.user_attrs[DEFINITION]["objectives"]

    def begin(self) -> None:
        """Say that this process works on the trial now; raises Taken if the sweeper has lost it."""
        self._check_owner(self._frozen(), self.sweeper)
        own(self._study, self._id)

    def let_go(self) -> None:
        """Put the trial back, if this process has it, to be made again."""
        trial = self._frozen()
        if trial.state == TrialState.RUNNING and trial.user_attrs.get(OWNER) == this_process():
            wait_again(self._study, trial)

    def note(self, name: str, value: Any) -> None:
        """Keep what is to be known of the trial, as an attribute."""
        with _lost_if_finished():
            patiently(lambda: self._storage.set_trial_user_attr(self._id, name, value))

    def report(self, step: int, value: float, *, prunable: bool = True) -> None:
        """Tell the value reached after a step (from 1) of the first objective.

        A storage that does not answer is told nothing: training goes on.

        Raises:
            Pruned: the trial is not promising.
            Taken: somebody else makes it now.
        """
        try:
            with _lost_if_finished():
                self._storage.set_trial_intermediate_value(self._id, step, value)
            trial = self._frozen()
            stop = prunable and len(self.objectives) == 1 and self._study.pruner.prune(self._study, trial)
        except STORAGE_ERRORS:
            return
        self._check_owner(trial, this_process())
        if stop:
            raise Pruned

    def complete(self, values: Mapping[str, float]) -> None:
        """Tell the values of all that might be an objective."""
        self.note("values", dict(values))
        self._tell(TrialState.COMPLETE, [values[name] for name in self.objectives])

    def give_up(self) -> None:
        """Tell that the trial was pruned."""
        self._tell(TrialState.PRUNED)

    def fail(self, why: str) -> None:
        """Tell that the trial failed, and why."""
        self.note(REASON, why)
        self._tell(TrialState.FAIL)

    def _tell(self, state: TrialState, values: list[float] | None = None) -> None:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # Linux counts in KiB.
        self.note("memory_mib", round(peak))

        def tell() -> None:
            trial = self._frozen()
            if not trial.state.is_finished():
                self._check_owner(trial, this_process())
                self._study.tell(self.number, values, state)

        patiently(tell)

    def _frozen(self) -> FrozenTrial:
        return self._storage.get_trial(self._id)

    @staticmethod
    def _check_owner(trial: FrozenTrial, owner: str) -> None:
        if trial.state != TrialState.RUNNING or trial.user_attrs.get(OWNER) != owner:
            raise Taken

    def live(self, done: threading.Event) -> None:
        """Give signs of life until it is done."""
        while not done.wait(SIGN_OF_LIFE):
            with suppress(*STORAGE_ERRORS):
                give_sign_of_life(self._study, self._id)


def make(address: TrialAddress, work: Callable[[Trial], None]) -> None:
    """Make a trial by doing its `work`, and tell how that ended.

    What is no fault of the trial's, such as a full disk or Ctrl-C, is told by nobody: the trial will be made again.
    """
    _end_with(address.sweeper)
    with _ended_by_the_sweeper_alone(address.sweeper), suppress(Taken):
        study = patiently(lambda: optuna.load_study(study_name=address.study, storage=connected(address.storage)))
        trial = patiently(lambda: Trial(study, address.number, address.sweeper))
        done = threading.Event()
        try:
            patiently(trial.begin)
            threading.Thread(target=trial.live, args=(done,), daemon=True).start()
            _do(work, trial)
        except KeyboardInterrupt:
            # This process may live on, and without a sign that it has stopped the trial would count as being made.
            with suppress(*STORAGE_ERRORS):
                trial.let_go()
            raise
        finally:
            done.set()


@cache
def _end_with(sweeper: str) -> None:
    """End this process, from now on and between its trials as well, when that of the sweeper is gone."""
    if is_local(sweeper) and sweeper != this_process():
        threading.Thread(target=_watch, args=(sweeper,), daemon=True).start()


def _watch(sweeper: str) -> None:
    while not is_gone(sweeper):
        time.sleep(1.0)
    os._exit(1)


def _do(work: Callable[[Trial], None], trial: Trial) -> None:
    try:
        work(trial)
    except Pruned:
        trial.give_up()
    except (Taken, Unreachable):
        raise
    except STORAGE_ERRORS as problem:
        raise Unreachable(f"The storage of sweeps does not answer ({type(problem).__name__}).") from None
    except Exception as problem:
        if isinstance(problem, OSError) and problem.errno in NO_FAULT_OF_A_TRIAL:
            raise
        trial.fail(reason(problem)[:500])


@contextmanager
def _lost_if_finished() -> Iterator[None]:
    try:
        yield
    except optuna.exceptions.UpdateFinishedTrialError:
        raise Taken from None


@contextmanager
def _ended_by_the_sweeper_alone(sweeper: str) -> Iterator[None]:
    """In a worker of the sweeper Ctrl-C is the sweeper's to answer, which ends its workers by SIGTERM."""
    if sweeper == this_process() or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN), signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before[0])
        signal.signal(signal.SIGTERM, before[1])


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
