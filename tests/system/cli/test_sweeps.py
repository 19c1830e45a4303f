"""Grids from the command line: each combination is a trial, and finished trainings are reused."""

import re

import pytest
import yaml

from pipeline.sweeping.study import open_study, trials_of

TRAINING = ("data=digits", "training.epochs=1")
KINDS = ("sweep", "model")


@pytest.fixture(scope="module")
def project(new_project):
    """One project for all sweeps, which reuse each other's trainings."""
    return new_project()


@pytest.fixture(scope="module")
def parallel(project):
    """Four jobs, two at a time, with an empty store and without prepared data."""
    ranges = ("model=glob(fully*ed)", "training.batch_size=range(16,65,16)")
    launcher = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2")
    return project.run("experiment", "-m", *ranges, *TRAINING, *launcher)


@pytest.fixture(scope="module")
def sequential(project, parallel):
    """Four jobs, two of which the first sweep has run already."""
    lists = ("model=fully_connected,lecture_cnn", "training.batch_size=32,64")
    return project.run("experiment", "-m", *lists, *TRAINING)


@pytest.fixture(scope="module")
def runs(project, sequential):
    """The runs of both sweeps, and of their trials."""
    found = project.runs()
    assert {run.data.tags["convtrack.kind"] for run in found} == set(KINDS)
    return [[run for run in found if run.data.tags["convtrack.kind"] == kind] for kind in KINDS]


def name_of(result):
    """The name of the sweep in the output of a command."""
    return re.search(r"^Sweep ([^:\s]+):", result.stdout, re.MULTILINE)[1]


def trials(result):
    """The lines of finished trials in the output of a command."""
    return [line for line in result.stdout.splitlines() if line.startswith("trial ")]


def test_a_glob_and_a_range_run_in_parallel_on_an_empty_store(parallel):
    parallel.output()
    assert len(trials(parallel)) == 4
    assert "4 complete, 0 pruned, 0 failed" in parallel.stdout


def test_each_worker_runs_many_trials_and_imports_tensorflow_once(project, parallel):
    found = trials_of(open_study(name_of(parallel), f"sqlite:///{project.folder}/sweeps.db"))
    assert len({trial.user_attrs["owner"] for trial in found}) == 2
    assert all(300 < trial.user_attrs["memory_mib"] < 3000 for trial in found)


def test_the_job_folder_of_every_trial_has_its_overrides(project, parallel):
    files = project.folder.glob("multirun/*/*/*/.hydra/overrides.yaml")
    written = {int(file.parts[-3]): yaml.safe_load(file.read_text()) for file in files}
    assert {number: overrides[-1] for number, overrides in written.items()} == {
        number: f"training.batch_size={size}" for number, size in enumerate(range(16, 65, 16))
    }


def test_data_are_prepared_once_for_all_jobs(parallel):
    assert parallel.stdout.count("digits: 1,797 images") == 1


def test_a_second_sweep_reuses_finished_trainings(sequential):
    output = sequential.output()
    assert [line.split("  ")[:2] for line in trials(sequential)] == [[f"trial {n}", "complete"] for n in range(4)]
    assert "4 complete (2 reused from earlier trainings), 0 pruned, 0 failed" in output


def test_every_trial_is_one_run_below_its_sweep(runs):
    sweeps, models = runs
    assert len(sweeps) == 2
    combinations = sorted(
        (run.data.tags["convtrack.model"], int(run.data.params["training.batch_size"])) for run in models
    )
    assert combinations == [
        ("fully_connected", 16),
        ("fully_connected", 32),
        ("fully_connected", 32),
        ("fully_connected", 48),
        ("fully_connected", 64),
        ("fully_connected", 64),
        ("lecture_cnn", 32),
        ("lecture_cnn", 64),
    ]
    assert {run.data.tags["mlflow.parentRunId"] for run in models} == {run.info.run_id for run in sweeps}


def test_every_run_is_finished_and_has_its_epoch(runs):
    sweeps, models = runs
    assert {run.info.status for run in (*sweeps, *models)} == {"FINISHED"}
    assert all({"train/loss", "val/loss", "val/accuracy", "kept_loss"} <= set(run.data.metrics) for run in models)


def test_the_same_command_runs_no_trial_again(project, sequential):
    lists = ("model=fully_connected,lecture_cnn", "training.batch_size=32,64")
    again = project.run("experiment", "-m", *lists, *TRAINING)
    assert "4 of 4 trials are done" in again.output()
    assert trials(again) == []


def test_the_sweep_continues_after_a_failed_trial(project):
    result = project.run("experiment", "-m", "model=fully_connected", TRAINING[0], "training.epochs=0,1")
    output = result.output()
    assert "trial 0  failed  (`training.epochs` must be an integer at least 1. Received 0.)" in output
    assert "1 complete" in output and "1 failed" in output


def test_a_sweep_without_a_complete_trial_fails(project):
    result = project.run("experiment", "-m", "model=lenet5", TRAINING[0], "training.epochs=0,-1")
    assert result.error_message().startswith("No trial of the sweep was completed")
