"""Grids of what stands on the command line: each combination is a trial, and what is finished is reused."""

import re

import pytest
import yaml

from pipeline.sweeping.study import open_study, trials_of

TRAINING = ("data=digits", "training.epochs=1")
KINDS = ("sweep", "model", "replicate")


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
    """The runs of both sweeps: their own, those of their trials, and the replicates of these."""
    found = project.runs()
    return [[run for run in found if run.data.tags["convtrack.kind"] == kind] for kind in KINDS]


def name_of(answer):
    """The sweep that a command tells of."""
    return re.search(r"^Sweep ([^:\s]+):", answer.said, re.MULTILINE)[1]


def trials(answer):
    """The lines that tell of a trial's end."""
    return [line for line in answer.said.splitlines() if line.startswith("trial ")]


def test_a_glob_and_a_range_side_by_side_on_an_empty_store(side_by_side):
    side_by_side.success()
    assert len(trials(side_by_side)) == 4
    assert "4 complete, 0 pruned, 0 failed" in side_by_side.said


def test_each_worker_makes_many_trials_and_imports_tensorflow_once(project, side_by_side):
    made = trials_of(open_study(name_of(side_by_side), f"sqlite:///{project.folder}/sweeps.db"))
    assert len({trial.user_attrs["owner"] for trial in made}) == 2
    assert all(300 < trial.user_attrs["memory_mib"] < 3000 for trial in made)


def test_the_overrides_of_every_trial_lie_in_its_job_folder(project, side_by_side):
    files = project.folder.glob("multirun/*/*/*/.hydra/overrides.yaml")
    written = {int(file.parts[-3]): yaml.safe_load(file.read_text()) for file in files}
    assert {number: overrides[-1] for number, overrides in written.items()} == {
        number: f"training.batch_size={size}" for number, size in enumerate(range(16, 65, 16))
    }


def test_data_are_prepared_once_for_all_jobs(side_by_side):
    assert side_by_side.said.count("digits: 1797 images") == 1


def test_lists_one_by_one_reuse_what_is_finished(one_by_one):
    said = one_by_one.success()
    assert [line.split("  ")[:2] for line in trials(one_by_one)] == [[f"trial {n}", "complete"] for n in range(4)]
    assert "4 complete (2 reused from earlier trainings), 0 pruned, 0 failed" in said


def test_every_trial_is_one_run_with_one_replicate_below_its_sweep(runs):
    sweeps, models, replicates = runs
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
    parents = [run.data.tags["mlflow.parentRunId"] for run in replicates]
    assert sorted(parents) == sorted(run.info.run_id for run in models)


def test_every_run_is_finished_and_holds_its_epoch(runs):
    sweeps, models, replicates = runs
    assert {run.info.status for run in (*sweeps, *models, *replicates)} == {"FINISHED"}
    assert all({"train/loss", "val/loss", "val/accuracy"} <= set(run.data.metrics) for run in replicates)


def test_the_same_command_has_nothing_left_to_do(project, one_by_one):
    lists = ("model=fully_connected,lecture_cnn", "training.batch_size=32,64")
    again = project.run("experiment", "-m", *lists, *TRAINING)
    assert "4 of 4 trials are done" in again.success()
    assert trials(again) == []


def test_a_trial_that_fails_lets_the_others_go_on(project):
    answer = project.run("experiment", "-m", "model=fully_connected", TRAINING[0], "training.epochs=0,1")
    said = answer.success()
    assert "trial 0  failed  (`training.epochs` must be an integer at least 1. Received 0.)" in said
    assert "1 complete" in said and "1 failed" in said


def test_a_sweep_of_which_nothing_was_completed_is_a_failure(project):
    answer = project.run("experiment", "-m", "model=lenet5", TRAINING[0], "training.epochs=0,-1")
    assert answer.refusal().startswith("No trial of the sweep was completed")
