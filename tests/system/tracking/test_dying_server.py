"""A real server that dies while a real training logs to it, and comes back."""

import os
import subprocess
import sys

import mlflow
import pytest

from tests.system.tracking.conftest import ROOT, serving

EPOCHS = 15


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Of the project and of the server."""
    project, server = tmp_path_factory.mktemp("project"), tmp_path_factory.mktemp("server")
    (project / "conf").symlink_to(ROOT / "conf")
    return project, server


def started(project, address):
    """A training that logs to a server, with what it says so far to be read."""
    command = ["experiment", "model=lecture_cnn", "data=digits", f"training.epochs={EPOCHS}"]
    return subprocess.Popen(
        [sys.executable, "-m", "pipeline", *command],
        cwd=project,
        env=os.environ | {"MLFLOW_TRACKING_URI": address, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def orphaned(folders):
    """The training whose server went away after the first epoch: its exit code, what it said, what it complained of."""
    project, server = folders
    with serving(server) as address:
        training = started(project, address)
        said = next(line for line in training.stdout if "epoch  1/" in line)
    rest, complaint = training.communicate(timeout=180)
    return training.returncode, said + rest, complaint


@pytest.fixture(scope="module")
def again(folders, orphaned):
    """What the same command says when the server is back, and the runs and the epochs that the server then holds."""
    project, server = folders
    with serving(server) as address:
        training = started(project, address)
        said, complaint = training.communicate(timeout=180)
        assert training.returncode == 0, complaint
        client = mlflow.MlflowClient(address)
        found = client.search_runs([client.get_experiment_by_name("digits").experiment_id])
        (child,) = (run for run in found if "mlflow.parentRunId" in run.data.tags)
        steps = [point.step for point in client.get_metric_history(child.info.run_id, "val/loss")]
        return said, {run.info.run_name: run.info.status for run in found}, steps


def test_the_training_goes_on_to_its_end(orphaned):
    code, said, complaint = orphaned
    assert (code, complaint) == (0, "")
    assert f"epoch {EPOCHS}/{EPOCHS}" in said
    assert said.splitlines()[-1].startswith("lecture_cnn on digits: validation loss ")


def test_it_says_once_that_the_server_is_gone(orphaned):
    assert orphaned[1].count("MLflow is unreachable (") == 1


def test_the_same_command_trains_nothing_and_logs_the_rest(again):
    said, statuses, steps = again
    assert "lecture_cnn: 1 of 1 replicates are trained already and reused" in said
    assert statuses == {"lecture_cnn": "FINISHED", "lecture_cnn replicate 1": "FINISHED"}
    assert steps == list(range(1, EPOCHS + 1))
