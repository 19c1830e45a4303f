"""Make the trials that a sweep still lacks, as many side by side as Hydra's launcher has room for.

Launchers take a batch of jobs and block until all of them are done. So each trial is a batch of its own, launched from
a thread of its own: no core waits for the slowest of a batch.
"""

import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import optuna
from hydra.core.utils import JobReturn, JobStatus
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException
from optuna.trial import FrozenTrial, TrialState

from pipeline.cli.messages import sentence
from pipeline.errors import UserError, reason
from pipeline.storage.processes import is_gone, is_local, process_number, this_process
from pipeline.sweeping.space import Space
from pipeline.sweeping.study import (
    DEATHS,
    OWNER,
    REASON,
    STORAGE_ERRORS,
    alone,
    give_sign_of_life,
    is_dead,
    own,
    patiently,
    trials_of,
    wait_again,
)

MOST_DEATHS = 2
"""A trial whose process died so often is made with no other beside it; if it dies then, it has failed."""
SIGN_OF_LIFE = 20.0
"""Seconds between the signs of life that a sweeper gives for its trials that have not begun."""
FAILURES_AT_START = 3
"""If so many trials fail before any has succeeded, something else is wrong."""
LAST_WORDS = 15.0
"""Seconds that interrupted workers have to end their trials well."""


@dataclass(frozen=True)
class Job:
    """A trial that is this process' to make."""

    number: int
    overrides: Sequence[str]
    alone: bool


@dataclass
class Sweeper:
    """One command's work on a sweep of `total` trials, `parallel` of them at a time.

    `launch` makes one job, from its overrides and number, and returns what Hydra's launchers return of it.
    `make_sampler` gives the sampler for the trial of a number.
    """

    study: optuna.Study
    storage: str
    space: Space
    total: int
    parallel: int
    launch: Callable[[Sequence[str], int], JobReturn]
    make_sampler: Callable[[int], optuna.samplers.BaseSampler]
    silence: float
    max_failures: int
    on_trial: Callable[[FrozenTrial], None]
    _running: dict[int, Job] = field(default_factory=dict, init=False)
    _spoke: float = field(default=0.0, init=False)
    _ended: "queue.SimpleQueue[tuple[Job, Any]]" = field(default_factory=queue.SimpleQueue, init=False)
    _failed_in_a_row: int = field(default=0, init=False)
    _succeeded: bool = field(default=False, init=False)
    _never_began: int = field(default=0, init=False)

    def run(self) -> None:
        """Make trials until the sweep has all of them, those of other sweepers included.

        Raises:
            UserError: too many trials failed, or what is no trial's fault keeps them from being made.
        """
        try:
            self._run()
        except BaseException:
            self._abandon()
            raise

    def _run(self) -> None:
        following: Job | None = None
        while True:
            if following is None and len(self._running) < self.parallel:
                following = self._claim()
            if following is not None and self._has_room(following):
                self._start(following)
                following = None
            elif self._running:
                self._wait()
            elif patiently(lambda: trials_of(self.study, TrialState.RUNNING)):
                time.sleep(1.0)  # Another sweeper makes them; should it die, this one goes on.
            else:
                return

    def _has_room(self, job: Job) -> bool:
        if job.alone or any(one.alone for one in self._running.values()):
            return not self._running
        return len(self._running) < self.parallel

    def _wait(self) -> None:
        """For one of the running trials to end, or for a second."""
        self._give_sign_of_life()
        with suppress(queue.Empty):
            job, outcome = self._ended.get(timeout=1.0)
            del self._running[job.number]
            patiently(lambda: self._settle(job, outcome))

    def _give_sign_of_life(self) -> None:
        """For the trials that have not begun, as where a launcher has them wait for a free worker."""
        if time.monotonic() - self._spoke < SIGN_OF_LIFE:
            return
        self._spoke = time.monotonic()
        with suppress(*STORAGE_ERRORS):
            for trial in trials_of(self.study, TrialState.RUNNING):
                if trial.number in self._running and trial.user_attrs.get(OWNER) == this_process():
                    give_sign_of_life(self.study, trial._trial_id)

    def _claim(self) -> Job | None:
        """The next trial that nobody makes, now this process' own; None where there is none."""

        def claim() -> Job | None:
            with alone(self.study, self.storage):
                for trial in trials_of(self.study, TrialState.RUNNING):
                    # One that is this process' own and not made was torn from it by a storage that vanished.
                    torn = trial.user_attrs.get(OWNER) == this_process()
                    if trial.number not in self._running and (torn or is_dead(trial, self.silence)):
                        wait_again(self.study, trial)
                trials = trials_of(self.study)
                if sum(trial.state != TrialState.WAITING for trial in trials) >= self.total:
                    return None
                waiting = [trial.number for trial in trials if trial.state == TrialState.WAITING]
                self.study.sampler = self.make_sampler(min(waiting, default=len(trials)))
                asked = self.study.ask()
                own(self.study, asked._trial_id)
                overrides = self.space.suggest(asked)
                return Job(asked.number, overrides, asked.user_attrs.get(DEATHS, 0) >= MOST_DEATHS)

        return patiently(claim)

    def _start(self, job: Job) -> None:
        self._running[job.number] = job

        def launch() -> None:
            try:
                outcome: Any = self.launch(job.overrides, job.number)
            except BaseException as problem:
                outcome = problem
            self._ended.put((job, outcome))

        if self.parallel > 1:
            threading.Thread(target=launch, daemon=True).start()
        else:
            launch()  # Signals reach the job only in the main thread.

    def _settle(self, job: Job, outcome: Any) -> None:
        """Take note of how a trial ended, and have it made again if it did not end."""
        if isinstance(outcome, KeyboardInterrupt) and self.parallel == 1:
            raise outcome
        trial = self._frozen(job.number)
        if trial.state == TrialState.RUNNING and isinstance(outcome, BaseException):
            if isinstance(outcome, (HydraException, OmegaConfBaseException)):
                self._fail(trial, sentence(outcome) or reason(outcome))
            elif trial.user_attrs[OWNER] != this_process():
                self._died(trial, job)
            else:
                self._never_started(trial, outcome)
        elif trial.state == TrialState.RUNNING and outcome.status == JobStatus.FAILED:
            wait_again(self.study, trial)
            raise outcome._return_value
        trial = self._frozen(job.number)
        if not trial.state.is_finished():
            return
        self._never_began = 0
        self.on_trial(trial)
        failed = trial.state == TrialState.FAIL
        self._succeeded |= not failed
        self._failed_in_a_row = self._failed_in_a_row + 1 if failed else 0
        most = self.max_failures if self._succeeded else min(self.max_failures, FAILURES_AT_START)
        if self._failed_in_a_row >= most:
            which = f"{self._failed_in_a_row} trials in a row" if self._succeeded else "All trials so far"
            advice = " The same command goes on with the trials that are left." if self._succeeded else ""
            raise UserError(
                f"{which} have failed, so the sweep stops; the last of them: {trial.user_attrs[REASON]}{advice}"
            )

    def _died(self, trial: FrozenTrial, job: Job) -> None:
        """A process died; its neighbours may have died of it, so nobody is blamed who was not alone."""
        deaths = trial.user_attrs.get(DEATHS, 0) + 1
        self.study._storage.set_trial_user_attr(trial._trial_id, DEATHS, deaths)
        if job.alone or self.parallel == 1:
            self._fail(trial, f"Its process was killed {deaths} times, perhaps for want of memory.")
        else:
            wait_again(self.study, trial)

    def _never_started(self, trial: FrozenTrial, problem: BaseException) -> None:
        """A launcher failed before the job began, as when the workers died of a neighbour."""
        wait_again(self.study, trial)
        self._never_began += 1
        if self._never_began > 2 * self.parallel:
            raise UserError(f"The launcher starts no jobs ({type(problem).__name__}: {problem}).") from problem

    def _fail(self, trial: FrozenTrial, reason: str) -> None:
        self.study._storage.set_trial_user_attr(trial._trial_id, REASON, reason)
        self.study.tell(trial.number, state=TrialState.FAIL)

    def _frozen(self, number: int) -> FrozenTrial:
        storage = self.study._storage
        return storage.get_trial(storage.get_trial_id_from_study_id_trial_number(self.study._study_id, number))

    def _abandon(self) -> None:
        """End the workers and put their trials back; whoever presses Ctrl-C once more will not wait for it."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, lambda *_: os._exit(130))
        with suppress(*STORAGE_ERRORS):
            self._end_workers(signal.SIGTERM)
            until = time.monotonic() + LAST_WORDS
            while self._running and time.monotonic() < until:
                with suppress(queue.Empty):
                    job, _ = self._ended.get(timeout=0.5)
                    self._put_back(job.number)
                    del self._running[job.number]
            self._end_workers(signal.SIGKILL)
            for number in list(self._running):
                self._put_back(number)

    def _end_workers(self, by: signal.Signals) -> None:
        for number in self._running:
            trial = self._frozen(number)
            owner = trial.user_attrs[OWNER]
            process = process_number(owner)
            if trial.state != TrialState.RUNNING or owner == this_process() or not is_local(owner) or is_gone(owner):
                continue
            if process is not None:
                with suppress(ProcessLookupError):
                    os.kill(process, by)

    def _put_back(self, number: int) -> None:
        trial = self._frozen(number)
        if trial.state == TrialState.RUNNING:
            wait_again(self.study, trial)
