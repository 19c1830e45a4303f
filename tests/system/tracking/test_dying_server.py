"""A server stops while a training logs to it, and starts again later."""

import os
import subprocess
import sys

import mlflow
import pytest

from tests.system.tracking.conftest import ROOT, serving

EPOCHS = 15


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """The folders of the project and of the server."""
    project, server = tmp_path_factory.mktemp("project"), tmp_path_factory.mktemp("server")
    (project / "conf").symlink_to(ROOT / "conf")
    return project, server


def start_training(project, address):
    """Start a training that logs to a server; its output can be read while it runs."""
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
    """Exit code, output and errors of a training whose server stopped after the first epoch."""
    project, server = folders
    with serving(server) as address:
        training = start_training(project, address)
        output = next(line for line in training.stdout if "epoch  1/" in line)
    rest, errors = training.communicate(timeout=180)
    return training.returncode, output + rest, errors


@pytest.fixture(scope="module")
def again(folders, orphaned):
    """The output of the same command after the server has started again, the status of all runs, and the epochs."""
    project, server = folders
    with serving(server) as address:
        training = start_training(project, address)
        output, errors = training.communicate(timeout=180)
        assert training.returncode == 0, errors
        client = mlflow.MlflowClient(address)
        found = client.search_runs([client.get_experiment_by_name("digits").experiment_id])
        (child,) = (run for run in found if "mlflow.parentRunId" in run.data.tags)
        steps = [point.step for point in client.get_metric_history(child.info.run_id, "val/loss")]
        return output, {run.info.run_name: run.info.status for run in found}, steps


def test_the_training_continues_to_its_last_epoch(orphaned):
    code, output, errors = orphaned
    assert (code, errors) == (0, "")
    assert f"epoch {EPOCHS}/{EPOCHS}" in output
    assert output.splitlines()[-1].startswith("lecture_cnn on digits: validation loss ")


def test_the_unreachable_server_is_reported_once(orphaned):
    assert orphaned[1].count("MLflow is unreachable (") == 1


def test_the_same_command_trains_nothing_and_logs_the_rest(again):
    output, statuses, steps = again
    assert "lecture_cnn: reusing 1 of 1 replicates, which are already trained" in output
    assert statuses == {"lecture_cnn": "FINISHED", "lecture_cnn replicate 1": "FINISHED"}
    assert steps == list(range(1, EPOCHS + 1))
