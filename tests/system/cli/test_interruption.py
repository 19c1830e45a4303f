"""A training that is interrupted and resumed twice: MLflow records it, and nothing is computed or logged twice."""

import re
import signal
from typing import NamedTuple

import pytest

from pipeline.tracking.names import FINGERPRINT

COMMAND = ("experiment", "model=lecture_cnn", "data=digits", "training.epochs=25")


class Stop(NamedTuple):
    """One of three runs of the same command: its result, and the store's runs and the files after it."""

    result: object
    statuses: dict[str, str]
    files: set[str]


@pytest.fixture(scope="module")
def project(new_project):
    """One project for all three runs."""
    return new_project()


@pytest.fixture(scope="module")
def stops(project):
    """Three runs: the first is terminated, the second interrupted, the third ends by itself."""

    def after(result):
        return Stop(result, {run.info.run_name: run.info.status for run in project.runs()}, project.files())

    return [
        after(project.interrupted(*COMMAND, after="epoch  1/25", by=signal.SIGTERM)),
        after(project.interrupted(*COMMAND, after="replicate 1/1", by=signal.SIGINT)),
        after(project.run(*COMMAND)),
    ]


def first_epoch(stop):
    """The first epoch that a run reports."""
    return int(re.search(r"epoch +(\d+)/25", stop.result.stdout).group(1))


@pytest.mark.parametrize("number", [0, 1], ids=["SIGTERM", "SIGINT"])
def test_an_interrupted_training_ends_with_one_sentence_that_states_how_to_continue(stops, number):
    result = stops[number].result
    assert result.code == 130
    assert result.stderr == "convtrack: Interrupted. Run the same command again to continue; finished work is kept.\n"


@pytest.mark.parametrize("number", [0, 1], ids=["SIGTERM", "SIGINT"])
def test_the_runs_of_an_interrupted_training_are_killed(stops, number):
    assert stops[number].statuses == {"lecture_cnn": "KILLED", "lecture_cnn replicate 1": "KILLED"}


def test_the_same_command_continues_after_the_last_finished_epoch(stops):
    assert 1 == first_epoch(stops[0]) < first_epoch(stops[1]) < first_epoch(stops[2])


def test_the_resumed_training_finishes_in_the_same_runs(stops):
    assert stops[2].result.output().splitlines()[-1].startswith("lecture_cnn on digits: validation loss ")
    assert stops[2].statuses == {"lecture_cnn": "FINISHED", "lecture_cnn replicate 1": "FINISHED"}


def test_every_epoch_is_logged_once(stops, project):
    (child,) = (run for run in project.runs() if "mlflow.parentRunId" in run.data.tags)
    for metric in ("train/loss", "train/accuracy", "val/loss", "val/accuracy", "learning_rate"):
        assert [point.step for point in project.store.get_metric_history(child.info.run_id, metric)] == list(
            range(1, 26)
        )
    assert child.data.tags[FINGERPRINT]


@pytest.mark.parametrize("number", [0, 1, 2])
def test_no_partial_file_remains(stops, number):
    names = [name.rsplit("/", 1)[-1] for name in stops[number].files]
    assert not [name for name in names if name.startswith(".") or "unfinished" in name]


def test_checkpoints_are_deleted_when_the_training_is_finished(stops):
    assert any("checkpoints" in name for name in stops[1].files)
    assert not any("checkpoints" in name for name in stops[2].files)
