"""Sweeps by Hydra's own sweeper: every combination is one model in MLflow, and a finished one is reused."""

import pytest

TRAINING = ("data=digits", "training.epochs=1")


@pytest.fixture(scope="module")
def project(new_project):
    """The project in which one sweep follows the other."""
    return new_project()


@pytest.fixture(scope="module")
def side_by_side(project):
    """Four jobs, two at a time, that meet an empty store and data that nobody has prepared."""
    ranges = ("model=glob(fully*)", "training.batch_size=range(16,65,16)")
    launcher = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2")
    return project.run("experiment", "-m", *ranges, *TRAINING, *launcher)


@pytest.fixture(scope="module")
def one_by_one(project, side_by_side):
    """Four jobs, two of which the sweep before has done."""
    lists = ("model=fully_connected,lecture_cnn", "training.batch_size=32,64")
    return project.run("experiment", "-m", *lists, *TRAINING)


@pytest.fixture(scope="module")
def runs(project, one_by_one):
    """The runs of both sweeps: models by name and batch size, and replicates by the run of their model."""
    found = project.runs()
    models = [run for run in found if "mlflow.parentRunId" not in run.data.tags]
    replicates = [run for run in found if "mlflow.parentRunId" in run.data.tags]
    return models, replicates


def trained(answer):
    """How many trainings a sweep tells of."""
    return answer.said.count("epoch  1/1")


def test_a_glob_and_a_range_side_by_side_on_an_empty_store(side_by_side):
    assert side_by_side.code == 0, side_by_side.complaint
    assert "is launching 4 jobs" in side_by_side.said
    assert trained(side_by_side) == 4
    assert side_by_side.complaint == ""


def test_data_are_prepared_once_for_all_jobs(side_by_side):
    assert side_by_side.said.count("digits: 1797 images") == 1


def test_lists_one_by_one_reuse_what_is_finished(one_by_one):
    said = one_by_one.success()
    assert "Launching 4 jobs locally" in said
    assert said.count("fully_connected: 1 of 1 replicates are trained already and reused") == 2
    assert trained(one_by_one) == 2
    assert said.count(" on digits: validation loss ") == 4


def test_every_combination_is_one_run_with_one_replicate(runs):
    models, replicates = runs
    assert sorted((run.info.run_name, int(run.data.params["training.batch_size"])) for run in models) == [
        ("fully_connected", 16),
        ("fully_connected", 32),
        ("fully_connected", 48),
        ("fully_connected", 64),
        ("lecture_cnn", 32),
        ("lecture_cnn", 64),
    ]
    parents = [run.data.tags["mlflow.parentRunId"] for run in replicates]
    assert sorted(parents) == sorted(run.info.run_id for run in models)


def test_every_run_is_finished_and_holds_its_epoch(runs):
    models, replicates = runs
    assert {run.info.status for run in (*models, *replicates)} == {"FINISHED"}
    assert all({"train/loss", "val/loss", "val/accuracy"} <= set(run.data.metrics) for run in replicates)


def test_a_job_that_fails_lets_the_others_go_on(project):
    answer = project.run("experiment", "-m", "model=lenet5", *TRAINING[:1], "training.epochs=0,-1")
    assert answer.code == 1
    assert "#0 : model=lenet5 data=digits training.epochs=0" in answer.said
    assert "#1 : model=lenet5 data=digits training.epochs=-1" in answer.said
    assert answer.complaint.splitlines() == [
        "Error executing job with overrides: ['model=lenet5', 'data=digits', 'training.epochs=0']",
        "convtrack: `training.epochs` must be an integer at least 1. Received 0.",
    ]
