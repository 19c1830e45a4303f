"""A sweep on a Ray cluster of two nodes, one of which is killed while it runs a trial."""

import importlib.util
from collections import Counter

import psutil
import pytest
from optuna.trial import TrialState

from pipeline.storage.processes import process_id
from pipeline.sweeping.ownership import DEATHS, OWNER
from tests.system.sweeping.servers import (
    RAY,
    ending,
    kill_tree,
    make_project,
    ray_cluster,
    run_states,
    started_sweep,
    tree,
    trials,
    until,
)

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None or not RAY.exists(), reason="Ray is not installed: the extra `ray`"
)

SWEEP = "clustered"
TRIALS = 4


def running_on(node, storage):
    """A running trial of this node that has finished at least one epoch."""
    numbers = {process.pid for process in tree(node)}
    for trial in trials(storage, SWEEP, TrialState.RUNNING):
        if trial.intermediate_values and process_id(trial.user_attrs[OWNER]) in numbers:
            return trial
    return None


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """The project, the output of the sweep, the trial of the killed node, and the remaining workers of the other."""
    project = make_project(tmp_path_factory.mktemp("project"))
    storage = f"sqlite:///{project}/sweeps.db"
    with ray_cluster(tmp_path_factory.mktemp("nodes")) as cluster:
        sweep = started_sweep(
            project,
            "hydra/launcher=ray",
            f"hydra.launcher.ray.init.address={cluster.address}",
            "model=lecture_cnn",
            "training.epochs=15",
            "optimizer.learning_rate=interval(0.01,0.1)",
            f"hydra.sweeper.name={SWEEP}",
            f"hydra.sweeper.trials={TRIALS}",
            **cluster.environment,
        )
        with ending(sweep):
            lost = until(lambda: running_on(cluster.second, storage), seconds=180, process=sweep)
            kill_tree(cluster.second)
            output, errors = sweep.communicate(timeout=180)
        assert sweep.returncode == 0, output + errors
        owners = {process_id(trial.user_attrs[OWNER]) for trial in trials(storage, SWEEP)}
        workers = [process for process in tree(cluster.head) if process.pid in owners]
        _, left = psutil.wait_procs(workers, timeout=10)
    return project, output, lost, left


def test_a_sweep_that_loses_a_node_completes_all_trials(swept):
    project, output, _, _ = swept
    found = trials(f"sqlite:///{project}/sweeps.db", SWEEP)
    assert [(trial.number, trial.state) for trial in found] == [(n, TrialState.COMPLETE) for n in range(TRIALS)]
    assert f"{TRIALS}/{TRIALS}" in output


def test_the_trial_of_the_killed_node_runs_on_the_other_with_the_same_settings(swept):
    project, _, lost, _ = swept
    again = trials(f"sqlite:///{project}/sweeps.db", SWEEP)[lost.number]
    assert again.params == lost.params
    assert again.user_attrs[OWNER] != lost.user_attrs[OWNER]
    assert again.user_attrs[DEATHS] == 1


def test_no_run_stays_running(swept):
    project, *_ = swept
    # One run for the sweep, and one for each trial.
    assert Counter(run_states(project)) == {"FINISHED": 1 + TRIALS}


def test_no_worker_remains_on_the_other_node(swept):
    assert swept[-1] == []
