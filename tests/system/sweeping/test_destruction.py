"""Sweeps under failures: killed processes, a database that disappears for a while.

Afterwards the sweep has exactly the requested number of trials, all of them ended, and no run is RUNNING. Full disks
and Ctrl-C twice are in `tests/system/torture/`.
"""

import os
import signal
import time
from collections import Counter
from contextlib import suppress

import psutil
import pytest
from optuna.trial import TrialState

from pipeline.storage.processes import process_id
from pipeline.sweeping.ownership import OWNER
from tests.system.sweeping.servers import (
    claimed_numbers,
    ending,
    make_project,
    run_states,
    started_sweep,
    trials,
    until,
)

SWEEP = "failures"
LONGEST = 240
"""Seconds after which something does not happen any more, on a slow and busy machine, too."""


@pytest.fixture
def project(tmp_path):
    return make_project(tmp_path)


def sweep_in(project, total, *, epochs=30, workers=2):
    """Start a sweep of `total` trials."""
    return started_sweep(
        project,
        f"hydra.sweeper.name={SWEEP}",
        f"hydra.sweeper.trials={total}",
        "model=logistic",
        f"training.epochs={epochs}",
        "optimizer.learning_rate=interval(0.01,0.1)",
        "hydra/launcher=joblib",
        f"hydra.launcher.n_jobs={workers}",
    )


def storage_of(project):
    return f"sqlite:///{project}/sweeps.db"


def in_workers(project, sweeper):
    """The trials that run in a worker: the process number of the worker by trial number."""
    running = trials(storage_of(project), SWEEP, TrialState.RUNNING)
    owners = {trial.number: process_id(trial.user_attrs.get(OWNER, "")) for trial in running}
    return {number: owner for number, owner in owners.items() if owner not in (None, sweeper.pid)}


def finished(project):
    return sum(trial.state.is_finished() for trial in trials(storage_of(project), SWEEP))


def finished_output(sweeper, timeout=LONGEST):
    output, errors = sweeper.communicate(timeout=timeout)
    assert sweeper.returncode == 0, output + errors
    return output


def check_complete(project, total):
    """Every trial is complete, and MLflow has one run for the sweep and one for each trial."""
    found = trials(storage_of(project), SWEEP)
    assert [(trial.number, trial.state) for trial in found] == [(n, TrialState.COMPLETE) for n in range(total)]
    assert Counter(run_states(project)) == {"FINISHED": 1 + total}


def test_the_same_command_resumes_a_killed_sweep(project):
    with ending(sweep_in(project, 5)) as sweeper:
        until(lambda: finished(project) >= 1 and in_workers(project, sweeper), seconds=LONGEST, process=sweeper)
        workers = [psutil.Process(number) for number in in_workers(project, sweeper).values()]
        sweeper.kill()
        sweeper.wait()
        _, alive = psutil.wait_procs(workers, timeout=10)
        assert alive == []
    done = finished(project)
    with ending(sweep_in(project, 5)) as again:
        output = finished_output(again)
    assert f"{done} of 5 trials are done" in output
    assert sum(line.startswith("trial ") for line in output.splitlines()) == 5 - done
    check_complete(project, 5)


def test_two_sweepers_run_each_trial_once(project):
    sweeps = [sweep_in(project, 6, epochs=10, workers=1) for _ in range(2)]
    with ending(sweeps[0]) as one, ending(sweeps[1]) as other:
        lines = [
            sum(line.startswith("trial ") for line in finished_output(sweeper).splitlines()) for sweeper in (one, other)
        ]
    assert sum(lines) == 6
    check_complete(project, 6)


def test_if_one_of_two_sweepers_dies_the_other_runs_its_trials(project):
    with ending(sweep_in(project, 4, workers=1)) as one, ending(sweep_in(project, 4, workers=1)) as other:
        until(lambda: len(trials(storage_of(project), SWEEP, TrialState.RUNNING)) == 2, seconds=LONGEST)
        one.kill()
        finished_output(other)
    check_complete(project, 4)


def test_eight_processes_share_a_new_database(project):
    assert claimed_numbers("sqlite:///sweeps.db", project) == [str(number) for number in range(8)]


def test_ctrl_c_ends_a_sweep_and_keeps_finished_trials(project):
    with ending(sweep_in(project, 5)) as sweeper:
        until(lambda: finished(project) >= 1 and in_workers(project, sweeper), seconds=LONGEST, process=sweeper)
        sweeper.send_signal(signal.SIGINT)
        _, errors = sweeper.communicate(timeout=30)
        assert sweeper.returncode == 130
        assert errors == "convtrack: Interrupted. Run the same command again to continue; finished work is kept.\n"
    states = {trial.state for trial in trials(storage_of(project), SWEEP)}
    assert states <= {TrialState.COMPLETE, TrialState.WAITING}
    assert set(run_states(project)) <= {"FINISHED", "KILLED"}
    with ending(sweep_in(project, 5)) as again:
        finished_output(again)
    check_complete(project, 5)


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "terminated"])
def test_a_sweep_without_workers_can_be_interrupted(project, by):
    with ending(started_sweep(project, "model=logistic", "training.epochs=200", "training.seed=1,2")) as sweeper:
        until(lambda: list(project.glob(".convtrack/checkpoints/*/state.npz")), seconds=LONGEST, process=sweeper)
        sweeper.send_signal(by)
        _, errors = sweeper.communicate(timeout=60)
        assert sweeper.returncode == 130
        assert errors == "convtrack: Interrupted. Run the same command again to continue; finished work is kept.\n"
    assert set(run_states(project)) == {"KILLED"}


def test_neither_a_killed_worker_nor_a_database_that_disappears_for_a_while_loses_a_trial(project):
    with ending(sweep_in(project, 5)) as sweeper:
        working = until(
            lambda: len(in_workers(project, sweeper)) == 2 and in_workers(project, sweeper), seconds=LONGEST
        )
        before = finished(project)
        os.kill(next(iter(working.values())), signal.SIGKILL)
        until(lambda: finished(project) > before, seconds=LONGEST, process=sweeper)
        files = [file for file in project.glob("sweeps.db*") if file.suffix != ".lock"]
        away = project / "away"
        away.mkdir()
        for file in files:
            file.rename(away / file.name)
        time.sleep(4)
        assert not (project / "sweeps.db").exists()
        for file in away.iterdir():
            file.rename(project / file.name)
        finished_output(sweeper)
    check_complete(project, 5)


def test_a_trial_that_kills_its_process_fails_but_other_trials_do_not(project):
    guilty = 1
    with ending(sweep_in(project, 4)) as sweeper:
        killed = 0
        while sweeper.poll() is None:
            worker = in_workers(project, sweeper).get(guilty)
            if worker is not None:
                with suppress(ProcessLookupError):
                    os.kill(worker, signal.SIGKILL)
                    killed += 1
                until(lambda worker=worker: in_workers(project, sweeper).get(guilty) != worker, seconds=LONGEST)
            time.sleep(0.1)
        output, errors = sweeper.communicate()
        assert sweeper.returncode == 0, output + errors
    found = trials(storage_of(project), SWEEP)
    states = [TrialState.FAIL if number == guilty else TrialState.COMPLETE for number in range(4)]
    assert [trial.state for trial in found] == states
    assert killed == 3
    assert "trial 1  failed  (Its process was killed 3 times, possibly because memory ran out.)" in output
    assert "RUNNING" not in run_states(project)
