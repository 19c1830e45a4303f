"""Run the remaining trials of a sweep, as many in parallel as Hydra's launcher has workers.

A launcher takes a batch of jobs and returns when all have ended. Each trial is therefore a separate batch, launched
from a separate thread, so that no worker waits for the slowest job of a batch.
"""

import math
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import optuna
from hydra.core.utils import JobReturn, JobStatus
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException
from optuna.trial import FrozenTrial, TrialState

from pipeline.errors import UserError, reason
from pipeline.storage.interrupts import INTERRUPTED, PATIENCE, deferred_interrupts
from pipeline.storage.processes import is_gone, is_local, process_id, this_process
from pipeline.sweeping.database import DATABASE_ERRORS, study_lock, with_retries
from pipeline.sweeping.ownership import (
    DEATHS,
    HEARTBEAT_INTERVAL,
    OWNER,
    Observer,
    claim,
    is_claimed,
    requeue,
    send_heartbeat,
)
from pipeline.sweeping.space import Space
from pipeline.sweeping.study import REASON, trials_of

MOST_DEATHS = 2
"""A trial whose process died this often runs alone; if its process dies again, the trial has failed."""
FAILURES_AT_START = 3
"""The sweep stops if this many trials fail before the first success: the cause is then hardly one trial's settings."""
GRACE_PERIOD = 15.0
"""Seconds that workers have to end after Ctrl-C before they are killed."""


@dataclass(frozen=True)
class Job:
    """A trial that this process has claimed; no other job runs at the same time as an `alone` job."""

    number: int
    overrides: Sequence[str]
    alone: bool


@dataclass
class Scheduler:
    """Run trials until the sweep has `total` of them, `parallel` at a time.

    `launch` runs one job from its overrides and number, and returns the launcher's result. `make_sampler` returns the
    sampler for the trial of a number. `explain` turns an exception of Hydra into a sentence. `on_trial` is called with
    each trial that has ended.
    """

    study: optuna.Study
    storage: str
    space: Space
    total: int
    parallel: int
    launch: Callable[[Sequence[str], int], JobReturn]
    make_sampler: Callable[[int], optuna.samplers.BaseSampler]
    explain: Callable[[Exception], str | None]
    observer: Observer
    max_failures: int
    on_trial: Callable[[FrozenTrial], None]
    _running: dict[int, Job] = field(default_factory=dict, init=False)
    _last_heartbeat: float = field(default=0.0, init=False)
    _ended: "queue.SimpleQueue[tuple[Job, Any]]" = field(default_factory=queue.SimpleQueue, init=False)
    _failed_in_a_row: int = field(default=0, init=False)
    _succeeded: bool = field(default=False, init=False)
    _failed_launches: int = field(default=0, init=False)

    def run(self) -> None:
        """Run trials until the sweep has all of them, including those that other schedulers run.

        Raises:
            UserError: too many trials failed, or jobs cannot be launched.
        """
        try:
            self._run()
        except BaseException as cause:
            self._abort(interrupted=isinstance(cause, KeyboardInterrupt))
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
            elif with_retries(lambda: trials_of(self.study, TrialState.RUNNING)):
                time.sleep(1.0)  # Another scheduler runs them. If it dies, this one claims them.
            else:
                return

    def _has_room(self, job: Job) -> bool:
        if job.alone or any(one.alone for one in self._running.values()):
            return not self._running
        return len(self._running) < self.parallel

    def _wait(self) -> None:
        """Wait until a running trial ends, for at most a second."""
        self._send_heartbeats()
        with suppress(queue.Empty):
            job, outcome = self._ended.get(timeout=1.0)
            del self._running[job.number]
            with_retries(lambda: self._settle(job, outcome))

    def _send_heartbeats(self) -> None:
        """Send heartbeats for the trials that have not started, such as those that wait in the launcher's queue.

        Those of other schedulers are noted.
        """
        if time.monotonic() - self._last_heartbeat < HEARTBEAT_INTERVAL:
            return
        self._last_heartbeat = time.monotonic()
        with suppress(*DATABASE_ERRORS), deferred_interrupts():
            running = trials_of(self.study, TrialState.RUNNING)
            self.observer.look(running)
            for trial in running:
                if trial.number in self._running and trial.user_attrs.get(OWNER) == this_process():
                    send_heartbeat(self.study, trial._trial_id)

    def _claim(self) -> Job | None:
        """Claim the next trial for this process; None if the sweep has all its trials."""

        def claim_next() -> Job | None:
            with study_lock(self.study, self.storage):
                for trial in trials_of(self.study, TrialState.RUNNING):
                    # A trial that this process owns but does not run was claimed just before the database vanished.
                    orphaned = trial.user_attrs.get(OWNER) == this_process()
                    if trial.number not in self._running and (orphaned or self.observer.is_dead(trial)):
                        requeue(self.study, trial)
                trials = trials_of(self.study)
                if sum(trial.state != TrialState.WAITING for trial in trials) >= self.total:
                    return None
                waiting = [trial.number for trial in trials if trial.state == TrialState.WAITING]
                self.study.sampler = self.make_sampler(min(waiting, default=len(trials)))
                claimed = self.study.ask()
                claim(self.study, claimed._trial_id)
                overrides = self.space.suggest(claimed)
                return Job(claimed.number, overrides, claimed.user_attrs.get(DEATHS, 0) >= MOST_DEATHS)

        return with_retries(claim_next)

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
            launch()  # In the main thread, because only there do signals reach the job.

    def _settle(self, job: Job, outcome: Any) -> None:
        """Record how a trial ended, and requeue it if it did not end."""
        if isinstance(outcome, KeyboardInterrupt) and self.parallel == 1:
            raise outcome
        trial = self._frozen(job.number)
        if trial.state == TrialState.RUNNING and isinstance(outcome, BaseException):
            if isinstance(outcome, (HydraException, OmegaConfBaseException)):
                self._fail(trial, self.explain(outcome) or reason(outcome))
            elif trial.user_attrs[OWNER] != this_process():
                self._died(trial, job)
            else:
                self._launch_failed(trial, outcome)
        elif trial.state == TrialState.RUNNING and outcome.status == JobStatus.FAILED:
            requeue(self.study, trial)
            raise outcome._return_value
        trial = self._frozen(job.number)
        if not trial.state.is_finished():
            return
        self._failed_launches = 0
        self.on_trial(trial)
        self._check_failures(trial)

    def _check_failures(self, trial: FrozenTrial) -> None:
        """Raise `UserError` if too many trials in a row have failed."""
        failed = trial.state == TrialState.FAIL
        self._succeeded |= not failed
        self._failed_in_a_row = self._failed_in_a_row + 1 if failed else 0
        most = self.max_failures if self._succeeded else min(self.max_failures, FAILURES_AT_START)
        if self._failed_in_a_row >= most:
            which = f"{self._failed_in_a_row} trials in a row" if self._succeeded else "All trials so far"
            advice = " The same command resumes the sweep." if self._succeeded else ""
            raise UserError(f"{which} have failed, so the sweep stops. Last reason: {trial.user_attrs[REASON]}{advice}")

    def _died(self, trial: FrozenTrial, job: Job) -> None:
        """Count the death of a worker. A trial fails only if it ran alone: otherwise another trial may be the cause."""
        deaths = trial.user_attrs.get(DEATHS, 0) + 1
        self.study._storage.set_trial_user_attr(trial._trial_id, DEATHS, deaths)
        if job.alone or self.parallel == 1:
            self._fail(trial, f"Its process was killed {deaths} times, possibly because memory ran out.")
        else:
            requeue(self.study, trial)

    def _launch_failed(self, trial: FrozenTrial, problem: BaseException) -> None:
        """Requeue a trial that never started, for instance because another job killed the launcher's workers."""
        requeue(self.study, trial)
        self._failed_launches += 1
        if self._failed_launches > 2 * self.parallel:
            raise UserError(f"The launcher cannot start jobs ({type(problem).__name__}: {problem}).") from problem

    def _fail(self, trial: FrozenTrial, reason: str) -> None:
        self.study._storage.set_trial_user_attr(trial._trial_id, REASON, reason)
        self.study.tell(trial.number, state=TrialState.FAIL)

    def _frozen(self, number: int) -> FrozenTrial:
        storage = self.study._storage
        return storage.get_trial(storage.get_trial_id_from_study_id_trial_number(self.study._study_id, number))

    def _abort(self, *, interrupted: bool) -> None:
        """End the workers and requeue their trials. `interrupted`: the cause is Ctrl-C or SIGTERM."""
        with _further_requests(interrupted) as hurry, suppress(*DATABASE_ERRORS):
            until = time.monotonic() + GRACE_PERIOD
            signalled: set[str] = set()
            # Repeated, because a worker that is starting owns its trial only later.
            self._signal_workers(signal.SIGTERM, signalled)
            while self._running and time.monotonic() < until and not hurry.is_set():
                with suppress(queue.Empty):
                    job, _ = self._ended.get(timeout=0.2)
                    del self._running[job.number]
                self._signal_workers(signal.SIGTERM, signalled)
            self._signal_workers(signal.SIGKILL, set())
            with study_lock(self.study, self.storage):
                for trial in filter(is_claimed, trials_of(self.study, TrialState.RUNNING)):
                    requeue(self.study, trial)

    def _signal_workers(self, signal_number: signal.Signals, signalled: set[str]) -> None:
        """Send a signal to the workers on this machine that are not in `signalled`, and add them."""
        for trial in filter(is_claimed, trials_of(self.study, TrialState.RUNNING)):
            owner = trial.user_attrs[OWNER]
            process = process_id(owner)
            if owner in (this_process(), *signalled) or process is None or not is_local(owner) or is_gone(owner):
                continue
            signalled.add(owner)
            with suppress(ProcessLookupError):
                os.kill(process, signal_number)


@contextmanager
def _further_requests(interrupted: bool) -> Iterator[threading.Event]:
    """Yield an event that the next Ctrl-C or SIGTERM sets. One more ends this process at once.

    A signal within `PATIENCE` seconds of the one before counts as the same request.
    """
    hurry = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield hurry
        return
    latest = time.monotonic() if interrupted else -math.inf

    def request(*_: object) -> None:
        nonlocal latest
        before, latest = latest, time.monotonic()
        if latest - before < PATIENCE:
            return
        if hurry.is_set():
            os._exit(INTERRUPTED)
        hurry.set()

    handlers = {number: signal.signal(number, request) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield hurry
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
