"""Baselines as the stage fits, scores and logs them."""

import json
from pathlib import Path

import numpy as np
import pytest

from pipeline.evaluation.predictions import read_predictions
from pipeline.stages import baseline
from pipeline.storage.folders import PREPARED, RunFolder
from pipeline.tracking.names import COMPARED
from pipeline.tracking.publish.baselines import publish_baseline
from tests.tracking.conftest import Counting, points, runs, write_images

NAMES = ("most_frequent", "grey_levels")
SPLITS = np.array([[0, 0, 1, 2], [1, 0, 0, 2], [0, 1, 0, 2]], np.uint8)
"""In the third replicate, all training images are of one class. The test set is a single image."""


@pytest.fixture
def prepared(tracker):
    images = write_images(Path(PREPARED), SPLITS)
    baseline.main(NAMES)
    return images


def test_a_baseline_has_a_run_without_a_network_and_below_it_one_per_replicate(tracker, prepared):
    found = runs(tracker)
    assert set(found) == {*NAMES, *(f"{name} replicate {number}" for name in NAMES for number in (1, 2, 3))}
    for name in NAMES:
        parent = found[name]
        assert parent.info.status == "FINISHED"
        assert parent.data.tags["convtrack.baseline"] == "true"
        assert parent.data.metrics["replicates"] == 3
        assert {"test/accuracy", "parameters", "train_seconds", "largest_activation_bytes"} <= set(parent.data.metrics)
        assert parent.outputs.model_outputs == []
        for number in range(3):
            child = found[f"{name} replicate {number + 1}"]
            assert child.data.tags["mlflow.parentRunId"] == parent.info.run_id
            assert child.data.metrics["test/accuracy"] == scored(name)[number]["scores"]["accuracy"]


def scored(name):
    return json.loads(RunFolder.of(name).scores.read_text())["replicates"]


def test_logging_a_baseline_again_adds_no_run_and_no_value(tracker, prepared):
    counting = Counting(tracker.client)
    again = type(tracker)(counting, tracker.experiment)
    for name in NAMES:
        publish_baseline(again, RunFolder.of(name), prepared)
    assert not {"create_run", "log_inputs", "set_terminated"} & set(counting.calls)
    for run in runs(tracker).values():
        assert len(points(tracker, run.info.run_id, "test/accuracy")) == 1


def test_the_run_says_what_the_baseline_does(tracker, prepared):
    assert [runs(tracker)[name].data.params for name in NAMES] == [
        {"baseline": "always predicting even"},
        {"baseline": "a logistic regression on mean and deviation of grey levels"},
    ]


def test_a_training_set_of_one_class_gives_that_class_probability_one(prepared):
    for name in NAMES:
        (predictions,) = read_predictions(RunFolder.of(name).predictions).values()
        assert predictions[2].probabilities.tolist() == [[1.0, 0.0]]


def test_an_experiment_in_a_temporary_folder_leaves_the_means_of_the_comparison_as_they_are(
    tracker, prepared, project, temporary_folder
):
    run = RunFolder(project / RunFolder.of(NAMES[0]).folder, project)
    before = runs(tracker)[NAMES[0]]
    tracker.tag(before.info.run_id, {COMPARED: "true"})
    measured = json.loads(run.metrics.read_text())
    measured["test"]["accuracy"]["mean"] = 0.25
    run.metrics.write_text(json.dumps(measured))
    publish_baseline(tracker, run, prepared)
    assert runs(tracker)[NAMES[0]].data.metrics == before.data.metrics
