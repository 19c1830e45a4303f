"""Measurements of exports are logged to the run of the network that was exported."""

from pathlib import Path

import pytest

from pipeline.deployment.export_measurements import Exported, Measured
from pipeline.tracking.publish.exports import publish_exports

EXPORTS = {
    "litert": Exported("LiteRT", 400, Measured(0.75, 0.5, 1, {1: 0.25, 64: 2.0})),
    "onnx": Exported("ONNX Runtime", problem="no operation"),
}


@pytest.fixture
def files(project):
    file = Path(project / "exports.md")
    file.write_text("a table")
    return [file]


@pytest.fixture
def logged(tracker):
    """The runs of a model and of its only replicate."""
    parent = tracker.parent("f00d", "small", parameters={}, tags={})
    return parent, tracker.child(parent, "beef", "small", 0, parameters={}, tags={})


def test_the_exports_of_one_replicate_are_logged_to_its_run(tracker, logged, files):
    for _ in range(2):
        assert publish_exports("digits", ["beef"], EXPORTS, files) == "small replicate 1"
    run = tracker.client.get_run(logged[1])
    assert run.data.metrics == {
        "exports/litert/accuracy": 0.75,
        "exports/litert/difference": 0.5,
        "exports/litert/changed": 1,
        "exports/litert/seconds_batch_1": 0.25,
        "exports/litert/seconds_batch_64": 2.0,
        "exports/litert/bytes": 400,
    }
    assert [file.path for file in tracker.client.list_artifacts(logged[1], "exports")] == ["exports/exports.md"]


def test_the_exports_of_several_replicates_are_logged_to_the_run_of_their_model(tracker, logged, files):
    assert publish_exports("digits", ["beef", "cafe"], EXPORTS, files) == "small"
    assert tracker.client.get_run(logged[0]).data.metrics["exports/litert/bytes"] == 400


def test_a_store_without_the_run_stays_as_it_is(tracker, files):
    assert publish_exports("digits", ["beef"], EXPORTS, files) is None
    assert publish_exports("letters", ["beef"], EXPORTS, files) is None
    assert tracker.client.get_experiment_by_name("letters") is None
