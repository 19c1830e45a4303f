"""The scheduler's rules: which trial it claims, requeues and fails. Jobs are functions; the database is real."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time

import optuna
import psutil
import pytest
from hydra.core.utils import JobReturn, JobStatus
from hydra.errors import ConfigCompositionException
from optuna.study import StudyDirection
from optuna.trial import TrialState

from pipeline.errors import UserError
from pipeline.sweeping import ownership
from pipeline.sweeping import scheduler as scheduling
from pipeline.sweeping.database import create_database, full_address, study_lock
from pipeline.sweeping.ownership import DEATHS, HEARTBEAT, OWNER, SCHEDULER, requeue, take_ownership
from pipeline.sweeping.scheduler import Scheduler
from pipeline.sweeping.study import REASON, create_study, trials_of

DONE = JobReturn(status=JobStatus.COMPLETED)
ELSEWHERE = "elsewhere 1 1"
"""A process on another machine."""


class Line:
    """A space of one number."""

    def suggest(self, trial):
        return [f"x={trial.suggest_float('x', 0, 1)}"]


@pytest.fixture
def storage(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    address = full_address("sqlite:///sweeps.db")
    create_database(address)
    return address


@pytest.fixture
def study(storage):
    return create_study("rules", storage, [StudyDirection.MINIMIZE])


@pytest.fixture
def scheduler(study, storage):
    """Return a function that makes a scheduler whose jobs are a function of overrides and number."""

    def make(launch, *, total, parallel=1, max_failures=5):
        return Scheduler(
            study,
            storage,
            Line(),
            total,
            parallel,
            launch=launch,
            make_sampler=lambda number: optuna.samplers.RandomSampler(number),
            explain=lambda problem: None,
            observer=ownership.Observer(300),
            max_failures=max_failures,
            on_trial=lambda trial: None,
        )

    return make


def states(study):
    return [trial.state.name for trial in trials_of(study)]


def complete(study):
    def launch(overrides, number):
        study.tell(number, float(overrides[0].partition("=")[2]))
        return DONE

    return launch


def test_ctrl_c_during_a_claim_leaves_no_running_trial(study, scheduler, monkeypatch):
    def interrupted(self, trial):
        signal.raise_signal(signal.SIGINT)
        return []

    monkeypatch.setattr(Line, "suggest", interrupted)
    with pytest.raises(KeyboardInterrupt):
        scheduler(complete(study), total=2, parallel=2).run()
    assert states(study) == ["WAITING"]


def test_an_interrupted_scheduler_leaves_the_trial_that_another_one_is_claiming(study, scheduler, monkeypatch):
    def interrupted(self, trial):
        study.ask()  # The other scheduler's; it has no owner for a moment.
        signal.raise_signal(signal.SIGINT)
        return []

    monkeypatch.setattr(Line, "suggest", interrupted)
    with pytest.raises(KeyboardInterrupt):
        scheduler(complete(study), total=3, parallel=2).run()
    assert states(study) == ["WAITING", "RUNNING"]


def test_an_interrupted_scheduler_leaves_its_trial_to_another_one_that_claims_it_again(study, storage, scheduler):
    claimed = threading.Event()

    def claim_again():
        with study_lock(study, storage):
            (trial,) = trials_of(study)
            requeue(study, trial)
            study.ask()
            claimed.set()
            time.sleep(0.3)
            for attribute in (SCHEDULER, OWNER):
                study._storage.set_trial_user_attr(trial._trial_id, attribute, ELSEWHERE)

    other = threading.Thread(target=claim_again)

    def interrupted(overrides, number):
        other.start()
        claimed.wait()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scheduler(interrupted, total=1).run()
    other.join()
    assert states(study) == ["RUNNING"]


@pytest.fixture
def aborting(monkeypatch):
    """An event that is set when a scheduler has signalled its workers for the first time."""
    event = threading.Event()
    original = Scheduler._signal_workers

    def signal_workers(self, *arguments):
        original(self, *arguments)
        event.set()

    monkeypatch.setattr(Scheduler, "_signal_workers", signal_workers)
    return event


@pytest.fixture
def exits(monkeypatch):
    """The exit codes with which the process would have ended at once."""
    codes = []
    monkeypatch.setattr(os, "_exit", codes.append)
    return codes


def test_a_worker_that_starts_after_ctrl_c_is_terminated(study, scheduler, aborting):
    ended = []

    def launch(overrides, number):
        os.kill(os.getpid(), signal.SIGINT)
        aborting.wait()
        with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as worker:
            name = f"{socket.gethostname()} {worker.pid} {psutil.Process(worker.pid).create_time():.0f}"
            study._storage.set_trial_user_attr(trials_of(study)[number]._trial_id, OWNER, name)
            ended.append(worker.wait())
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scheduler(launch, total=1, parallel=2).run()
    assert ended == [-signal.SIGTERM]
    assert states(study) == ["WAITING"]


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_of_the_same_request_does_not_end_the_process_at_once(
    study, scheduler, aborting, exits, monkeypatch, by
):
    monkeypatch.setattr(scheduling, "PATIENCE", 600)

    def launch(overrides, number):
        os.kill(os.getpid(), signal.SIGINT)
        aborting.wait()
        os.kill(os.getpid(), by)
        raise KeyboardInterrupt

    handler = signal.getsignal(by)
    with pytest.raises(KeyboardInterrupt):
        scheduler(launch, total=1, parallel=2).run()
    assert exits == [] and states(study) == ["WAITING"]
    assert signal.getsignal(by) is handler


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_a_second_request_requeues_the_trials_without_waiting_for_workers(
    study, scheduler, aborting, exits, monkeypatch, by
):
    monkeypatch.setattr(scheduling, "PATIENCE", 0)
    monkeypatch.setattr(scheduling, "GRACE_PERIOD", 600)
    stuck = threading.Event()

    def launch(overrides, number):
        os.kill(os.getpid(), signal.SIGINT)
        aborting.wait()
        os.kill(os.getpid(), by)
        stuck.wait()

    with pytest.raises(KeyboardInterrupt):
        scheduler(launch, total=1, parallel=2).run()
    stuck.set()
    assert exits == [] and states(study) == ["WAITING"]


def test_a_third_request_ends_the_process_at_once(exits, monkeypatch):
    monkeypatch.setattr(scheduling, "PATIENCE", 0)
    with scheduling._further_requests(interrupted=True) as hurry:
        signal.raise_signal(signal.SIGINT)
        assert hurry.is_set() and exits == []
        signal.raise_signal(signal.SIGTERM)
    assert exits == [130]


def test_ctrl_c_after_an_error_does_not_hide_the_error(study, scheduler, aborting, exits, monkeypatch):
    monkeypatch.setattr(scheduling, "GRACE_PERIOD", 600)
    stuck, other = threading.Event(), threading.Event()
    failed = JobReturn(status=JobStatus.FAILED)
    failed.return_value = OSError(28, "No space left on device")

    def launch(overrides, number):
        if number == 0:
            other.wait()
        else:
            other.set()
            aborting.wait()
            os.kill(os.getpid(), signal.SIGINT)
            stuck.wait()
        return failed

    with pytest.raises(OSError, match="No space left"):
        scheduler(launch, total=2, parallel=2).run()
    stuck.set()
    assert exits == [] and states(study) == ["WAITING"] * 2


def test_a_trial_that_ends_while_it_is_requeued_keeps_its_result(study):
    study.ask()
    (running,) = trials_of(study)
    study.tell(0, 0.5)
    requeue(study, running)
    assert states(study) == ["COMPLETE"]


def failing(study, which):
    """Jobs that fail if their number is one of these."""

    def launch(overrides, number):
        if number in which:
            study._storage.set_trial_user_attr(trials_of(study)[number]._trial_id, REASON, f"reason {number}.")
            study.tell(number, state=TrialState.FAIL)
            return DONE
        return complete(study)(overrides, number)

    return launch


def test_a_sweep_ends_with_the_requested_number_of_trials(study, scheduler):
    scheduler(complete(study), total=4).run()
    assert states(study) == ["COMPLETE"] * 4


def test_a_larger_total_extends_and_a_smaller_one_changes_nothing(study, scheduler):
    for total in (2, 4, 1):
        scheduler(complete(study), total=total).run()
    assert states(study) == ["COMPLETE"] * 4


def test_trials_run_in_parallel_up_to_the_number_of_workers(study, scheduler):
    together = threading.Barrier(3, timeout=60)

    def launch(overrides, number):
        together.wait()
        return complete(study)(overrides, number)

    scheduler(launch, total=6, parallel=3).run()
    assert states(study) == ["COMPLETE"] * 6


def test_no_worker_waits_for_the_slowest_of_a_batch(study, scheduler):
    """One trial takes as long as five others."""
    ended = []

    def launch(overrides, number):
        time.sleep(1.0 if number == 0 else 0.1)
        ended.append(number)
        return complete(study)(overrides, number)

    scheduler(launch, total=6, parallel=2).run()
    assert ended[-1] == 0 or ended.index(0) > 2


def test_three_failures_at_the_start_stop_the_sweep(study, scheduler):
    with pytest.raises(UserError, match=r"All trials so far have failed.* reason 2"):
        scheduler(failing(study, range(9)), total=9).run()
    assert states(study) == ["FAIL"] * 3


def test_failures_in_a_row_stop_the_sweep_once_something_has_succeeded(study, scheduler):
    with pytest.raises(UserError, match=r"5 trials in a row have failed.* reason 5"):
        scheduler(failing(study, range(1, 9)), total=9).run()
    assert states(study) == ["COMPLETE", *["FAIL"] * 5]


def test_failures_that_are_not_in_a_row_do_not_stop_the_sweep(study, scheduler):
    scheduler(failing(study, range(1, 12, 2)), total=12).run()
    assert states(study) == ["COMPLETE", "FAIL"] * 6


def test_a_trial_that_hydra_cannot_compose_fails_with_hydras_reason(study, scheduler):
    def launch(overrides, number):
        if number == 1:
            raise ConfigCompositionException("Could not override 'x'.")
        return complete(study)(overrides, number)

    scheduler(launch, total=2).run()
    assert states(study) == ["COMPLETE", "FAIL"]
    assert "Could not override" in trials_of(study)[1].user_attrs[REASON]


def test_an_error_of_the_machine_requeues_the_trial_and_ends_the_sweep(study, scheduler):
    failed = JobReturn(status=JobStatus.FAILED)
    failed.return_value = OSError(28, "No space left on device")
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(OSError, match="No space left"):
        scheduler(lambda overrides, number: failed, total=2).run()
    assert signal.getsignal(signal.SIGINT) is handler
    assert states(study) == ["WAITING"]
    scheduler(complete(study), total=2).run()
    assert states(study) == ["COMPLETE"] * 2


def dying(study, guilty):
    """Parallel jobs, one of which kills its own process and thereby all others."""
    broken = threading.Event()
    neighbours = []

    def launch(overrides, number):
        trial = trials_of(study)[number]
        study._storage.set_trial_user_attr(trial._trial_id, OWNER, ELSEWHERE)
        if number in guilty:
            time.sleep(0.1)
            if neighbours:
                broken.set()
            raise RuntimeError("a worker died")
        neighbours.append(number)
        died = broken.wait(0.3)
        neighbours.remove(number)
        if died:
            broken.clear()
            raise RuntimeError("a neighbour died")
        return complete(study)(overrides, number)

    return launch


def test_a_trial_that_kills_its_process_fails_but_other_trials_do_not(study, scheduler):
    scheduler(dying(study, {2}), total=5, parallel=2).run()
    assert states(study) == ["COMPLETE", "COMPLETE", "FAIL", "COMPLETE", "COMPLETE"]
    guilty = trials_of(study)[2]
    assert guilty.user_attrs[REASON] == "Its process was killed 3 times, possibly because memory ran out."
    assert guilty.user_attrs[DEATHS] == 3


def test_a_launcher_that_starts_no_jobs_ends_the_sweep(study, scheduler):
    def launch(overrides, number):
        raise RuntimeError("no workers")

    with pytest.raises(UserError, match=r"cannot start jobs.*no workers"):
        scheduler(launch, total=2, parallel=2).run()
    assert set(states(study)) == {"WAITING"}


def test_a_trial_of_a_dead_process_runs_again_under_its_number(study, storage, scheduler):
    trial = study.ask()
    trial.suggest_float("x", 0, 1)
    take_ownership(study, trial._trial_id)
    # No living process has this start time, so the process of this number has ended.
    ended = re.sub("start=[0-9]+", "start=1", study.trials[0].user_attrs[OWNER])
    study._storage.set_trial_user_attr(trial._trial_id, OWNER, ended)
    scheduler(complete(study), total=1).run()
    assert states(study) == ["COMPLETE"]
    assert trials_of(study)[0].params == trial.params


def test_a_trial_of_another_machine_runs_again_only_if_its_heartbeat_stops(study, scheduler, monkeypatch):
    now = 5.0
    monkeypatch.setattr(ownership.time, "monotonic", lambda: now)
    trial = study.ask()
    take_ownership(study, trial._trial_id)
    study._storage.set_trial_user_attr(trial._trial_id, OWNER, ELSEWHERE)
    claiming = scheduler(complete(study), total=1)
    # By a clock that is an hour slow, then fast, then right: only a new heartbeat counts, not the time that it states.
    for beat in (-3600, 3600, 0):
        study._storage.set_trial_user_attr(trial._trial_id, HEARTBEAT, time.time() + beat)
        assert claiming._claim() is None
        now += 299
        assert claiming._claim() is None
    now += 2
    assert claiming._claim().number == 0


def test_a_busy_scheduler_notes_the_heartbeats_of_others(study, scheduler, monkeypatch):
    now = 5.0
    monkeypatch.setattr(ownership.time, "monotonic", lambda: now)
    trial = study.ask()
    take_ownership(study, trial._trial_id)
    study._storage.set_trial_user_attr(trial._trial_id, OWNER, ELSEWHERE)
    claiming = scheduler(complete(study), total=1)
    claiming._last_heartbeat = -100.0
    claiming._send_heartbeats()
    now += 301
    assert claiming._claim().number == 0


def test_only_one_scheduler_at_a_time_claims_trials(study, storage):
    order = []

    def enter(name):
        with study_lock(study, storage):
            order.append(name)
            time.sleep(0.2)
            order.append(name)

    threads = [threading.Thread(target=enter, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert order in (list("aabb"), list("bbaa"))


def test_a_failed_trial_stores_the_message_of_its_error(study, scheduler):
    def launch(overrides, number):
        raise ConfigCompositionException("Could not override 'x'.")

    explained = scheduler(launch, total=1)
    explained.explain = lambda problem: "Unknown setting 'x'."
    with pytest.raises(UserError):
        explained.max_failures = 1
        explained.run()
    assert trials_of(study)[0].user_attrs[REASON] == "Unknown setting 'x'."
