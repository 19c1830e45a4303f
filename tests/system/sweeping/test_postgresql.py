"""Sweeps with a PostgreSQL database: many processes, two sweepers, and a server that stops and crashes."""

import importlib.util
import subprocess
from collections import Counter

import pytest
from optuna.trial import TrialState

from pipeline.errors import UserError
from pipeline.storage.processes import process_id
from pipeline.sweeping.database import create_database, full_address
from pipeline.sweeping.ownership import OWNER
from tests.system.sweeping.servers import (
    POSTGRESQL,
    ROOT,
    claimed_numbers,
    ending,
    make_project,
    postgresql,
    run_states,
    started_sweep,
    trials,
    until,
)

pytestmark = [
    pytest.mark.skipif(
        importlib.util.find_spec("psycopg") is None, reason="psycopg is not installed: the extra `postgresql`"
    ),
    pytest.mark.skipif(POSTGRESQL is None, reason="PostgreSQL's initdb and pg_ctl are not on this machine"),
]

SWEEP = "shared"


@pytest.fixture
def server(monkeypatch):
    """A server with an empty database; its password is in the environment, because the address must not contain it."""
    with postgresql() as started:
        monkeypatch.setenv("PGPASSWORD", started.password)
        yield started


@pytest.fixture
def project(tmp_path):
    return make_project(tmp_path)


def sweep_on(server, project, total, *, epochs):
    """Start a sweep of `total` trials."""
    return started_sweep(
        project,
        f"hydra.sweeper.storage={server.address}",
        f"hydra.sweeper.name={SWEEP}",
        f"hydra.sweeper.trials={total}",
        "model=logistic",
        f"training.epochs={epochs}",
        "optimizer.learning_rate=interval(0.01,0.1)",
    )


def finished(server):
    return sum(trial.state.is_finished() for trial in trials(server.address, SWEEP))


def test_eight_processes_share_a_new_database(server):
    assert claimed_numbers(server.address, ROOT) == [str(number) for number in range(8)]


def test_two_sweepers_run_each_trial_once(server, project):
    total = 4
    with (
        ending(sweep_on(server, project, total, epochs=12)) as one,
        ending(sweep_on(server, project, total, epochs=12)) as other,
    ):
        outputs = [sweeper.communicate(timeout=180) for sweeper in (one, other)]
    for sweeper, output in zip((one, other), outputs, strict=True):
        assert sweeper.returncode == 0, "".join(output)
    found = trials(server.address, SWEEP)
    assert [(trial.number, trial.state) for trial in found] == [(n, TrialState.COMPLETE) for n in range(total)]
    by = Counter(process_id(trial.user_attrs[OWNER]) for trial in found)
    assert set(by) == {one.pid, other.pid}
    # Each sweeper prints its own trials, so a trial that both ran would be printed twice.
    for sweeper, (printed, _) in zip((one, other), outputs, strict=True):
        assert sum(line.startswith("trial ") for line in printed.splitlines()) == by[sweeper.pid]
    # One run for the sweep, and one for each trial.
    assert Counter(run_states(project)) == {"FINISHED": 1 + total}


def test_a_server_that_stops_and_crashes_loses_no_trial(server, project):
    total = 3
    create_database(full_address(server.address))
    with ending(sweep_on(server, project, total, epochs=12)) as sweeper:
        # When a trial ends, its result is stored, the next trial is claimed, and its settings are stored.
        for done, how in enumerate(("fast", "immediate"), start=1):
            until(lambda done=done: finished(server) >= done, seconds=120, process=sweeper)
            server.stop(how)
            with pytest.raises(subprocess.TimeoutExpired):
                sweeper.wait(timeout=2)
            server.start()
        output, errors = sweeper.communicate(timeout=180)
        assert sweeper.returncode == 0, output + errors
    found = trials(server.address, SWEEP)
    assert [(trial.number, trial.state) for trial in found] == [(n, TrialState.COMPLETE) for n in range(total)]
    assert all(len(trial.params) == 1 for trial in found)
    assert Counter(run_states(project)) == {"FINISHED": 1 + total}


def test_a_wrong_password_is_reported_and_not_shown(server, monkeypatch):
    monkeypatch.setenv("PGPASSWORD", "mistaken")
    with pytest.raises(UserError, match="password authentication failed") as error:
        create_database(full_address(server.address))
    assert "mistaken" not in str(error.value) and server.password not in str(error.value)


def test_an_address_with_a_password_is_rejected_and_not_shown():
    with pytest.raises(UserError, match="PGPASSWORD") as error:
        full_address("postgresql://sweeper:mistaken@127.0.0.1/postgres")
    assert "mistaken" not in str(error.value)
