import json
import shutil

import numpy as np
import pytest
from PIL import Image

from pipeline.data.prepared import read_prepared
from pipeline.storage.folders import RunFolder
from pipeline.tracking.names import AUGMENTED, COMPARED
from pipeline.tracking.publish.live import logging_live
from pipeline.tracking.publish.training import publish_training
from pipeline.tracking.tracker import Tracker
from tests.tracking.conftest import CONFIGURATION, LAYERS, Counting, points, runs, task

WRITING = {"log_batch", "log_inputs", "log_image", "log_artifact", "set_tag", "update_run", "set_terminated"}


@pytest.fixture
def prepared(result):
    return read_prepared(result.folder.parent / "prepared")


@pytest.fixture
def run(result):
    """The run folder of a model with one trained replicate, as the stages build and train write it."""
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(result.folder / "kernels-00002.png")
    project = result.folder.parent
    run = RunFolder(project / "runs" / "lenet5", project / "networks" / "lenet5")
    run.network.mkdir(parents=True)
    run.layers.write_text(json.dumps(LAYERS))
    shutil.copytree(result.folder, run.result(0).folder)
    record = json.loads(result.record.read_text()) | {"fingerprint": "beef"}
    run.replicates.write_text(
        json.dumps(
            {
                "model": "lenet5",
                "model_fingerprint": "f00d",
                "configuration": CONFIGURATION,
                "replicates": [record],
            }
        )
    )
    return run


def log_live(tracker, result, digest):
    with logging_live(tracker, "lenet5", [task(result)], CONFIGURATION, digest, layers=LAYERS):
        pass


def content(tracker):
    """The content of every run in the store, without times."""
    return {
        name: (run.info.status, run.data.params, run.data.metrics, len(run.inputs.dataset_inputs))
        for name, run in runs(tracker).items()
    }


def test_an_empty_store_gets_the_picture_of_the_augmentation(tracker, run, prepared):
    Image.new("RGB", (4, 3), (0, 128, 255)).save(run.augmented)
    logged = publish_training(tracker, run, prepared)
    assert AUGMENTED in {file.path for file in tracker.client.list_artifacts(logged.parent)}


def test_an_empty_store_gets_the_runs_their_images_epochs_and_pictures(tracker, run, prepared):
    logged = publish_training(tracker, run, prepared)
    found = runs(tracker)
    assert set(found) == {"lenet5", "lenet5 replicate 1"}
    assert {one.info.status for one in found.values()} == {"FINISHED"}
    assert {len(one.inputs.dataset_inputs) for one in found.values()} == {3}
    assert points(tracker, logged.children[0]) == [(1, 0.5), (2, 0.25)]
    assert tracker.client.list_artifacts(logged.children[0], "images")
    assert found["lenet5"].data.tags["mlflow.source.git.commit"] == "c0ffee"


def test_publishing_a_run_folder_logs_the_same_as_logging_live(tracker, run, result, prepared):
    log_live(tracker, result, prepared.manifest["digest"])
    live = content(tracker)
    for found in runs(tracker).values():
        tracker.client.delete_run(found.info.run_id)
    publish_training(tracker, run, prepared)
    assert content(tracker) == live


def test_a_training_that_was_logged_live_is_not_logged_again(tracker, run, result, prepared):
    log_live(tracker, result, prepared.manifest["digest"])
    publish_training(tracker, run, prepared)  # the parent's commit is now that of the training
    client = Counting(tracker.client)
    publish_training(Tracker(client, tracker.experiment), run, prepared)
    assert not set(client.calls) & WRITING
    assert client.calls == {"search_runs": 2, "get_run": 3}


def test_an_interrupted_training_is_completed(tracker, run, result, prepared):
    with (
        pytest.raises(KeyboardInterrupt),
        logging_live(tracker, "lenet5", [task(result)], CONFIGURATION, "d1ce", layers=LAYERS),
    ):
        raise KeyboardInterrupt
    assert {one.info.status for one in runs(tracker).values()} == {"KILLED"}
    logged = publish_training(tracker, run, prepared)
    assert {one.info.status for one in runs(tracker).values()} == {"FINISHED"}
    assert points(tracker, logged.children[0]) == [(1, 0.5), (2, 0.25)]


def test_runs_that_ended_while_the_store_was_unreachable_are_completed(failing_tracker, tracker, run, result, prepared):
    with logging_live(failing_tracker, "lenet5", [task(result)], CONFIGURATION, "d1ce", layers=LAYERS) as live:
        live.reachable = False  # the store is reachable again when the runs end
    assert {one.info.status for one in runs(tracker).values()} == {"FINISHED"}
    logged = publish_training(tracker, run, prepared)
    assert points(tracker, logged.children[0]) == [(1, 0.5), (2, 0.25)]
    assert runs(tracker)["lenet5 replicate 1"].data.metrics["train_seconds"] == 3.0


def test_a_run_keeps_the_environment_and_the_uncommitted_changes_of_its_training(tracker, run, prepared):
    recorded = {"patch": "d1ff", "environment": {"device": "x86_64 fma", "threads": 1}}
    for file in (run.replicates, run.result(0).record):
        text = json.loads(file.read_text())
        for record in text.get("replicates", [text]):
            record.update(recorded)
        file.write_text(json.dumps(text))
    run.result(0).patch.write_bytes(b"+change\n")
    logged = publish_training(tracker, run, prepared)
    for found in runs(tracker).values():
        assert found.data.tags["convtrack.patch"] == "d1ff"
        assert json.loads(found.data.tags["convtrack.environment"]) == recorded["environment"]
    for identity in (logged.parent, logged.children[0]):
        assert [file.path for file in tracker.client.list_artifacts(identity, "code")] == ["code/uncommitted.patch"]


def test_a_training_of_committed_code_replaces_the_patch_of_the_process_that_logs_it(tracker, run, prepared):
    logged = publish_training(tracker, run, prepared)
    tracker.tag(logged.parent, {"convtrack.patch": "that of a process with changes"})
    publish_training(tracker, run, prepared)
    assert runs(tracker)["lenet5"].data.tags["convtrack.patch"] == "none"


def test_an_experiment_in_a_temporary_folder_leaves_the_results_of_the_comparison_as_they_are(
    tracker, run, prepared, temporary_folder
):
    logged = publish_training(tracker, run, prepared)
    tracker.tag(logged.parent, {COMPARED: "true"})
    before = content(tracker)["lenet5"]
    record = json.loads(run.result(0).record.read_text()) | {"kept_loss": 9.0}
    run.result(0).record.write_text(json.dumps(record))
    publish_training(Tracker(tracker.client, tracker.experiment), run, prepared)
    after = content(tracker)
    assert after["lenet5"] == before
    assert after["lenet5 replicate 1"][2]["kept_loss"] == 9.0
