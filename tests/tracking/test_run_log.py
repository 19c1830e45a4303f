import math
from pathlib import Path

import numpy as np
from PIL import Image

from pipeline.tracking.image_sets import image_sets
from pipeline.tracking.logged_networks import find_network
from pipeline.tracking.names import FINGERPRINT
from tests.tracking.conftest import EPOCH, SPLITS, child, parent, points, write_images


def test_artifacts_are_in_the_projects_folder(project, tracker):
    run = parent(tracker)
    (project / "network.svg").write_text("<svg/>")
    tracker.log_files(run, [project / "network.svg"], "network")
    tracker.log_json(run, {"prepare": 1}, "dvc.lock.json")
    assert [file.path for file in tracker.client.list_artifacts(run)] == ["dvc.lock.json", "network"]
    assert list((project / "mlartifacts").rglob("network/network.svg"))


def test_every_epoch_is_logged_once_however_often_it_is_passed(tracker):
    run = parent(tracker)
    history = [EPOCH | {"train/loss": loss} for loss in (0.5, 0.25, 0.125)]
    tracker.log_epochs(run, [])
    tracker.log_epochs(run, history[:1])
    tracker.log_epochs(run, history)
    tracker.log_epochs(run, history)
    assert points(tracker, run) == [(1, 0.5), (2, 0.25), (3, 0.125)]
    assert points(tracker, run, "val/accuracy") == [(step, 0.25) for step in (1, 2, 3)]


def test_a_long_history_is_logged_completely(tracker):
    run = parent(tracker)
    tracker.log_epochs(run, [EPOCH] * 450)  # 2,250 values: more than fit into one request
    assert [step for step, _ in points(tracker, run, "seconds")] == list(range(1, 451))


def test_a_value_is_logged_again_only_if_it_has_changed(tracker):
    run = parent(tracker)
    for replicates in (2, 2, 4):
        tracker.log_metrics(run, {"replicates": replicates, "test/accuracy_deviation": math.nan})
    assert points(tracker, run, "replicates") == [(0, 2), (0, 4)]
    assert len(points(tracker, run, "test/accuracy_deviation")) == 1
    assert tracker.client.get_run(run).data.metrics["replicates"] == 4


def test_pictures_of_kernels_are_logged_once_per_step(project, tracker):
    run = parent(tracker)
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(project / "kernels.png")
    tracker.log_kernels(run, {0: project / "kernels.png", 1: project / "kernels.png"})
    tracker.log_kernels(run, {1: project / "kernels.png", 2: project / "kernels.png"})
    files = [file.path for file in tracker.client.list_artifacts(run, "images") if file.path.endswith(".png")]
    assert sorted(file.split("+step+")[1][0] for file in files) == ["0", "1", "2"]


def test_feature_maps_have_a_step_slider_of_their_own(project, tracker):
    run = parent(tracker)
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(project / "picture.png")
    for log in (tracker.log_kernels, tracker.log_maps):
        log(run, {0: project / "picture.png", 4: project / "picture.png"})
    files = [Path(file.path).name for file in tracker.client.list_artifacts(run, "images")]
    shown = {tuple(file.split("+")[:3]) for file in files if file.endswith(".png")}
    assert shown == {(key, "step", step) for key in ("kernels", "feature_maps") for step in ("0", "4")}


def test_more_tags_and_parameters_than_fit_into_one_request_are_logged(tracker):
    many = {f"model.options.n{number}": str(number) for number in range(150)}
    run = parent(tracker, parameters=many, tags=many)
    found = tracker.client.get_run(run).data
    assert found.params == many
    assert many.items() <= found.tags.items()


def test_tags_of_an_earlier_comparison_are_deleted(tracker):
    run = parent(tracker)
    tracker.replace_tags(run, "differs.", {"differs.units": "10", "differs.padding": "same"})
    tracker.replace_tags(run, "differs.", {"differs.units": "20"})
    tags = tracker.client.get_run(run).data.tags
    assert {name: value for name, value in tags.items() if name.startswith("differs.")} == {"differs.units": "20"}
    assert tags["convtrack.dirty"] == "false"


def test_files_of_an_earlier_report_are_deleted(project, tracker):
    run = tracker.only_run("comparison", "d1")
    for name in ("old.svg", "both.svg"):
        (project / name).write_text("<svg/>")
    tracker.replace_files(run, [project / "old.svg", project / "both.svg"], "report")
    tracker.replace_files(run, [project / "both.svg"], "report")
    assert [file.path for file in tracker.client.list_artifacts(run, "report")] == ["report/both.svg"]
    assert tracker.only_run("comparison", "d1") == run


def test_image_sets_are_logged_once_as_inputs(project, tracker):
    prepared = write_images(project / "prepared", SPLITS)
    run = parent(tracker)
    for _ in range(2):
        tracker.log_images(run, image_sets(prepared, 0))
    inputs = tracker.client.get_run(run).inputs.dataset_inputs
    assert {(one.dataset.name, one.tags[0].key, one.tags[0].value) for one in inputs} == {
        (f"digits {part}", "mlflow.data.context", part) for part in ("train", "validation", "test")
    }
    assert len(inputs) == 3
    assert {len(one.dataset.digest) for one in inputs} == {36}


def logged_network(tracker, run):
    """The id of a network that is being logged to the run."""
    tags = {FINGERPRINT: "beef"}
    return tracker.client.create_logged_model(tracker.experiment, "network", source_run_id=run, tags=tags).model_id


def test_a_network_is_found_by_its_training_at_the_replicate_or_as_earlier_versions_at_the_model(tracker):
    above = parent(tracker)
    sources = (child(tracker, above), above)
    old = logged_network(tracker, above)
    assert find_network(tracker, sources, "beef") is None  # the process that logs it may have been killed
    tracker.client.finalize_logged_model(old, "READY")
    assert find_network(tracker, sources, "cafe") is None
    assert find_network(tracker, sources, "beef") == old
    new = logged_network(tracker, sources[0])
    tracker.client.finalize_logged_model(new, "READY")
    assert find_network(tracker, sources, "beef") == new


def test_metrics_are_linked_once_to_a_logged_network(tracker):
    run = parent(tracker)
    model = logged_network(tracker, run)
    tracker.client.finalize_logged_model(model, "READY")
    tracker.log_metrics(run, {"test/accuracy": 0.5})
    for _ in range(2):
        tracker.log_metrics(run, {"test/accuracy": 0.5, "test/f1": math.nan}, model=model)
    tracker.log_metrics(run, {"test/accuracy": 0.75}, model=model)
    linked = tracker.client.get_logged_model(model).metrics
    assert [one.value for one in linked if one.key == "test/accuracy"] == [0.5, 0.75]
    assert not [one for one in linked if one.key == "test/f1"]
    assert tracker.client.get_run(run).data.metrics["test/accuracy"] == 0.75
    assert len(points(tracker, run, "test/f1")) == 1
