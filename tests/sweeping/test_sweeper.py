"""The rules by which trials are claimed, made again and given up; jobs are functions here, the storage is real."""

import threading
import time

import optuna
import pytest
from hydra.core.utils import JobReturn, JobStatus
from hydra.errors import ConfigCompositionException
from optuna.study import StudyDirection
from optuna.trial import TrialState

from pipeline.errors import UserError
from pipeline.sweeping.study import (
    DEATHS,
    OWNER,
    REASON,
    alone,
    make_storage,
    make_study,
    own,
    trials_of,
    whole_address,
)
from pipeline.sweeping.sweeper import Sweeper

DONE = JobReturn(status=JobStatus.COMPLETED)
GONE = "elsewhere 1 1"
"""A process that can be told from this one."""


class Line:
    """A space of one number."""

    def suggest(self, trial):
        return [f"x={trial.suggest_float('x', 0, 1)}"]


@pytest.fixture
def storage(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    address = whole_address("sqlite:///sweeps.db")
    make_storage(address)
    return address


@pytest.fixture
def study(storage):
    return make_study("rules", storage, [StudyDirection.MINIMIZE])


@pytest.fixture
def sweeper(study, storage):
    """Makes a sweeper whose jobs are a function of overrides and number."""
    told = []

    def make(launch, *, total, parallel=1, max_failures=5):
        made = Sweeper(
            study,
            storage,
            Line(),
            total,
            parallel,
            launch=launch,
            make_sampler=lambda number: optuna.samplers.RandomSampler(number),
            silence=300,
            max_failures=max_failures,
            on_trial=lambda trial: told.append((trial.number, trial.state.name)),
        )
        made.told = told
        return made

    return make


def states(study):
    return [trial.state.name for trial in trials_of(study)]


def complete(study):
    def launch(overrides, number):
        study.tell(number, float(overrides[0].partition("=")[2]))
        return DONE

    return launch


def failing(study, which):
    """Jobs of which those with these numbers fail."""

    def launch(overrides, number):
        if number in which:
            study._storage.set_trial_user_attr(trials_of(study)[number]._trial_id, REASON, f"reason {number}.")
            study.tell(number, state=TrialState.FAIL)
            return DONE
        return complete(study)(overrides, number)

    return launch


def test_a_sweep_ends_with_as_many_trials_as_it_was_asked_for(study, sweeper):
    sweeper(complete(study), total=4).run()
    assert states(study) == ["COMPLETE"] * 4


def test_a_larger_total_extends_and_a_smaller_one_changes_nothing(study, sweeper):
    for total in (2, 4, 1):
        sweeper(complete(study), total=total).run()
    assert states(study) == ["COMPLETE"] * 4


def test_as_many_trials_run_side_by_side_as_there_is_room_for(study, sweeper):
    together = threading.Barrier(3, timeout=60)

    def launch(overrides, number):
        together.wait()
        return complete(study)(overrides, number)

    sweeper(launch, total=6, parallel=3).run()
    assert states(study) == ["COMPLETE"] * 6


def test_no_worker_waits_for_the_slowest_of_a_batch(study, sweeper):
    """One trial lasts as long as five others."""
    ended = []

    def launch(overrides, number):
        time.sleep(1.0 if number == 0 else 0.1)
        ended.append(number)
        return complete(study)(overrides, number)

    sweeper(launch, total=6, parallel=2).run()
    assert ended[-1] == 0 or ended.index(0) > 2


def test_three_failures_at_the_start_stop_the_sweep(study, sweeper):
    with pytest.raises(UserError, match=r"All trials so far have failed.* reason 2"):
        sweeper(failing(study, range(9)), total=9).run()
    assert states(study) == ["FAIL"] * 3


def test_failures_in_a_row_stop_the_sweep_once_something_has_succeeded(study, sweeper):
    with pytest.raises(UserError, match=r"5 trials in a row have failed.* reason 5"):
        sweeper(failing(study, range(1, 9)), total=9).run()
    assert states(study) == ["COMPLETE", *["FAIL"] * 5]


def test_failures_that_are_not_in_a_row_stop_nothing(study, sweeper):
    sweeper(failing(study, range(1, 12, 2)), total=12).run()
    assert states(study) == ["COMPLETE", "FAIL"] * 6


def test_what_cannot_be_composed_fails_with_hydras_words(study, sweeper):
    def launch(overrides, number):
        if number == 1:
            raise ConfigCompositionException("Could not override 'x'.")
        return complete(study)(overrides, number)

    sweeper(launch, total=2).run()
    assert states(study) == ["COMPLETE", "FAIL"]
    assert "Could not override" in trials_of(study)[1].user_attrs[REASON]


def test_what_is_no_fault_of_a_trial_puts_it_back_and_ends_the_sweep(study, sweeper):
    failed = JobReturn(status=JobStatus.FAILED)
    failed.return_value = OSError(28, "No space left on device")
    with pytest.raises(OSError, match="No space left"):
        sweeper(lambda overrides, number: failed, total=2).run()
    assert states(study) == ["WAITING"]
    sweeper(complete(study), total=2).run()
    assert states(study) == ["COMPLETE"] * 2


def dying(study, guilty):
    """Jobs side by side: when one of the guilty runs, its process and all others die."""
    broken = threading.Event()
    neighbours = []

    def launch(overrides, number):
        trial = trials_of(study)[number]
        study._storage.set_trial_user_attr(trial._trial_id, OWNER, GONE)
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


def test_who_kills_its_process_fails_and_the_neighbours_it_took_down_do_not(study, sweeper):
    sweeper(dying(study, {2}), total=5, parallel=2).run()
    assert states(study) == ["COMPLETE", "COMPLETE", "FAIL", "COMPLETE", "COMPLETE"]
    guilty = trials_of(study)[2]
    assert guilty.user_attrs[REASON] == "Its process was killed 3 times, perhaps for want of memory."
    assert guilty.user_attrs[DEATHS] == 3


def test_a_launcher_that_starts_nothing_ends_the_sweep(study, sweeper):
    def launch(overrides, number):
        raise RuntimeError("no workers")

    with pytest.raises(UserError, match=r"starts no jobs.*no workers"):
        sweeper(launch, total=2, parallel=2).run()
    assert set(states(study)) == {"WAITING"}


def test_a_trial_of_a_dead_process_is_made_again_under_its_number(study, storage, sweeper):
    trial = study.ask()
    trial.suggest_float("x", 0, 1)
    own(study, trial._trial_id)
    # Born at another time than any process that lives: whoever bore this number is gone.
    owner = study.trials[0].user_attrs[OWNER].split()
    study._storage.set_trial_user_attr(trial._trial_id, OWNER, f"{owner[0]} {owner[1]} 1")
    sweeper(complete(study), total=1).run()
    assert states(study) == ["COMPLETE"]
    assert trials_of(study)[0].params == trial.params


def test_a_silent_trial_of_another_machine_is_made_again_and_one_that_speaks_is_not(study, storage, sweeper):
    trial = study.ask()
    own(study, trial._trial_id)
    study._storage.set_trial_user_attr(trial._trial_id, OWNER, GONE)
    made = sweeper(complete(study), total=1)
    assert made._claim() is None
    study._storage.set_trial_user_attr(trial._trial_id, "alive", time.time() - 301)
    assert made._claim().number == 0


def test_only_one_sweeper_at_a_time_asks_for_trials(study, storage):
    order = []

    def enter(name):
        with alone(study, storage):
            order.append(name)
            time.sleep(0.2)
            order.append(name)

    threads = [threading.Thread(target=enter, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert order in (list("aabb"), list("bbaa"))
