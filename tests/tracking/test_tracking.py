"""What the tracker makes of an SQLite store, and of one that goes away while a model trains."""

import errno
import math
import os
import subprocess
import sys
import time
from pathlib import Path

import mlflow
import numpy as np
import psutil
import pytest
from mlflow.exceptions import MlflowException
from PIL import Image

from pipeline.config.reading import flattened
from pipeline.data.looks import test_set_digest as digest_of_test_set
from pipeline.errors import UserError
from pipeline.tracking.publish.training import NETWORK_TOTALS, Live, Published, images_of, logging_live
from pipeline.tracking.tracker import FINGERPRINT, PROCESS, Tracker, shown_address
from pipeline.training.task import Progress
from tests.tracking.conftest import CONFIGURATION, EPOCH, LAYERS, SPLITS, Trained, points, runs, write_images

ROOT = Path(__file__).parents[2]


def parent(tracker, fingerprint="f00d", model="lenet5", **changes):
    given = {"parameters": {"training.epochs": 3}, "tags": {"convtrack.dirty": "false"}} | changes
    return tracker.parent(fingerprint, model, **given)


def child(tracker, above, fingerprint="beef", replicate=0):
    parameters = {"training.seed": 0}
    return tracker.child(above, fingerprint, "lenet5", replicate, parameters=parameters, tags={})


# Experiments and runs


def test_a_data_set_is_one_experiment_that_opens_as_one_of_trained_models(tracker):
    again = Tracker.open("digits")
    assert again.experiment == tracker.experiment != Tracker.open("elpv").experiment
    experiment = tracker.client.get_experiment(tracker.experiment)
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"


def test_artefacts_lie_in_the_projects_folder(project, tracker):
    run = parent(tracker)
    (project / "network.svg").write_text("<svg/>")
    tracker.log_files(run, [project / "network.svg"], "network")
    tracker.log_values(run, {"prepare": 1}, "dvc.lock.json")
    assert [file.path for file in tracker.client.list_artifacts(run)] == ["dvc.lock.json", "network"]
    assert list((project / "mlartifacts").rglob("network/network.svg"))


def test_a_run_is_found_by_its_fingerprint_and_model(tracker):
    run = parent(tracker)
    assert parent(tracker) == run == tracker.find("f00d", "lenet5").info.run_id
    assert tracker.find("f00d", "resnet8") is None
    assert len({run, parent(tracker, model="resnet8"), parent(tracker, fingerprint="cafe")}) == 3


def test_what_a_run_lacks_is_added_and_what_it_has_stays(tracker):
    parent(tracker)
    run = parent(tracker, parameters={"training.epochs": 4, "training.keep": "best"}, tags={"convtrack.dirty": "true"})
    found = tracker.client.get_run(run).data
    assert found.params == {"training.epochs": "3", "training.keep": "best"}
    assert found.tags["convtrack.dirty"] == "false"


def test_a_replicate_lies_below_its_model(tracker):
    above = parent(tracker)
    run = tracker.client.get_run(child(tracker, above))
    assert run.data.tags["mlflow.parentRunId"] == above
    assert run.data.tags[FINGERPRINT] == "beef"
    assert run.info.run_name == "lenet5 replicate 1"


def test_a_run_that_was_deleted_is_made_anew(tracker):
    run = parent(tracker)
    tracker.client.delete_run(run)
    assert parent(tracker) != run


def test_a_deleted_experiment_is_told_with_the_command_that_restores_it(project, tracker):
    tracker.client.delete_experiment(tracker.experiment)
    with pytest.raises(UserError) as error:
        Tracker.open("digits")
    assert str(error.value) == (
        f"The MLflow experiment 'digits' in sqlite:///{project}/mlflow.db is deleted; restore it "
        f"(`mlflow experiments restore -x {tracker.experiment}`) or use another store."
    )


def test_nested_values_get_dotted_names():
    nested = {"optimizer": {"name": "SGD", "options": {"momentum": 0.9}}, "replicates": 4}
    assert dict(flattened(nested)) == {"optimizer.name": "SGD", "optimizer.options.momentum": 0.9, "replicates": 4}


def test_an_address_is_shown_without_its_password(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://me:secret@host:5000/path")
    assert shown_address() == "https://host:5000/path"


# Metrics and pictures


def test_every_epoch_is_logged_once_however_often_it_is_told(tracker):
    run = parent(tracker)
    history = [EPOCH | {"train/loss": loss} for loss in (0.5, 0.25, 0.125)]
    tracker.log_epochs(run, [])
    tracker.log_epochs(run, history[:1])
    tracker.log_epochs(run, history)
    tracker.log_epochs(run, history)
    assert points(tracker, run) == [(1, 0.5), (2, 0.25), (3, 0.125)]
    assert points(tracker, run, "val/accuracy") == [(step, 0.25) for step in (1, 2, 3)]


def test_a_long_history_is_logged_whole(tracker):
    run = parent(tracker)
    tracker.log_epochs(run, [EPOCH] * 450)  # 2,250 values: more than MLflow takes at once
    assert [step for step, _ in points(tracker, run, "seconds")] == list(range(1, 451))


def test_a_value_is_logged_again_only_where_it_has_changed(tracker):
    run = parent(tracker)
    for replicates in (2, 2, 4):
        tracker.log_metrics(run, {"replicates": replicates, "test/accuracy_deviation": math.nan})
    assert points(tracker, run, "replicates") == [(0, 2), (0, 4)]
    assert len(points(tracker, run, "test/accuracy_deviation")) == 1
    assert tracker.client.get_run(run).data.metrics["replicates"] == 4


def test_pictures_of_kernels_are_logged_once_by_step(project, tracker):
    run = parent(tracker)
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(project / "kernels.png")
    tracker.log_kernels(run, {0: project / "kernels.png", 1: project / "kernels.png"})
    tracker.log_kernels(run, {1: project / "kernels.png", 2: project / "kernels.png"})
    files = [file.path for file in tracker.client.list_artifacts(run, "images") if file.path.endswith(".png")]
    assert sorted(file.split("+step+")[1][0] for file in files) == ["0", "1", "2"]


# What belongs to a run beside its values


def test_a_model_whose_name_holds_quotes_is_found(tracker):
    names = ["Yann's", 'the "best"', "both ' and \"", 'both _ and "']
    made = [parent(tracker, model=name) for name in names]
    assert [parent(tracker, model=name) for name in names] == made
    assert len(set(made)) == len(names)


def test_more_tags_and_parameters_than_one_request_takes(tracker):
    many = {f"model.options.n{number}": str(number) for number in range(150)}
    run = parent(tracker, parameters=many, tags=many)
    found = tracker.client.get_run(run).data
    assert found.params == many
    assert many.items() <= found.tags.items()


def test_tags_of_an_earlier_comparison_go(tracker):
    run = parent(tracker)
    tracker.keep_tags(run, "differs.", {"differs.units": "10", "differs.padding": "same"})
    tracker.keep_tags(run, "differs.", {"differs.units": "20"})
    tags = tracker.client.get_run(run).data.tags
    assert {name: value for name, value in tags.items() if name.startswith("differs.")} == {"differs.units": "20"}
    assert tags["convtrack.dirty"] == "false"


def test_files_of_an_earlier_report_go(project, tracker):
    run = tracker.only("comparison")
    for name in ("old.svg", "both.svg"):
        (project / name).write_text("<svg/>")
    tracker.replace_files(run, [project / "old.svg", project / "both.svg"], "report")
    tracker.replace_files(run, [project / "both.svg"], "report")
    assert [file.path for file in tracker.client.list_artifacts(run, "report")] == ["report/both.svg"]
    assert tracker.only("comparison") == run


def test_images_are_a_runs_inputs_once(project, tracker):
    prepared = write_images(project / "prepared", SPLITS)
    run = parent(tracker)
    for _ in range(2):
        tracker.log_images(run, images_of(prepared, 0))
    inputs = tracker.client.get_run(run).inputs.dataset_inputs
    assert {(one.dataset.name, one.tags[0].key, one.tags[0].value) for one in inputs} == {
        (f"digits {part}", "mlflow.data.context", part) for part in ("train", "validation", "test")
    }
    assert len(inputs) == 3
    assert {len(one.dataset.digest) for one in inputs} == {36}


def test_replicates_share_their_test_images_and_nothing_else(project):
    prepared = write_images(project / "prepared", SPLITS)
    (_, first_validation, first_test), (_, second_validation, second_test) = (images_of(prepared, r) for r in (0, 1))
    train, validation, test = images_of(prepared)
    assert first_test == second_test == test
    assert first_validation.digest != second_validation.digest
    assert train.digest == validation.digest and train.count == 3
    assert test.digest == digest_of_test_set(prepared.splits, prepared.manifest)


def test_where_the_test_set_is_redrawn_a_models_images_are_all_of_them(project):
    prepared = write_images(project / "prepared", np.array([[0, 1, 2, 0], [2, 0, 1, 0]], np.uint8), "resampled")
    assert [images.count for images in images_of(prepared)] == [4, 4, 4]


def test_values_of_a_logged_model_are_linked_to_it_once(tracker):
    run = parent(tracker)
    model = tracker.client.create_logged_model(tracker.experiment, name="network", source_run_id=run).model_id
    assert tracker.logged_network(run) is None  # whoever logs it may have been killed
    tracker.client.finalize_logged_model(model, "READY")
    assert tracker.logged_network(run) == model
    tracker.log_metrics(run, {"test/accuracy": 0.5})
    for _ in range(2):
        tracker.log_metrics(run, {"test/accuracy": 0.5, "test/f1": math.nan}, model=model)
    tracker.log_metrics(run, {"test/accuracy": 0.75}, model=model)
    linked = tracker.client.get_logged_model(model).metrics
    assert [one.value for one in linked if one.key == "test/accuracy"] == [0.5, 0.75]
    assert not [one for one in linked if one.key == "test/f1"]
    assert tracker.client.get_run(run).data.metrics["test/accuracy"] == 0.75
    assert len(points(tracker, run, "test/f1")) == 1


# How runs end


def test_a_run_that_has_ended_keeps_its_time(tracker):
    run = parent(tracker)
    tracker.end(run, "FINISHED")
    ended = tracker.client.get_run(run).info.end_time
    time.sleep(0.01)
    tracker.end(run, "FINISHED")
    assert tracker.client.get_run(run).info.end_time == ended
    tracker.start(run)
    assert tracker.status(run) == "RUNNING"
    tracker.end(run, "KILLED")
    assert tracker.status(run) == "KILLED"


def process_of(tracker, run, change):
    host, number, started = tracker.client.get_run(run).data.tags[PROCESS].split()
    tracker.client.set_tag(run, PROCESS, " ".join(change(host, int(number), int(started))))


def gone(host, number, started):
    number = next(one for one in range(1 << 22, 1, -1) if not psutil.pid_exists(one))
    return host, str(number), str(started)


def recycled(host, number, started):
    return host, str(number), str(started - 3600)


def living(host, number, started):
    return host, str(number), str(started)


def elsewhere(host, number, started):
    return gone(f"not-{host}", number, started)


@pytest.mark.parametrize(
    ("change", "status"), [(gone, "KILLED"), (recycled, "KILLED"), (living, "RUNNING"), (elsewhere, "RUNNING")]
)
def test_the_next_start_ends_a_run_whose_process_of_this_machine_is_gone(tracker, change, status):
    run = parent(tracker)
    tracker.start(run)
    process_of(tracker, run, change)
    Tracker.open("digits")
    assert tracker.status(run) == status


# A new store


def test_processes_that_meet_an_empty_store_at_once_make_it_together(project):
    code = "from pipeline.tracking.tracker import Tracker; print(Tracker.open('digits').experiment)"
    variables = os.environ | {"PYTHONPATH": str(ROOT)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen([sys.executable, "-c", code], env=variables, **pipes) for _ in range(4)]
    answers = [process.communicate() for process in processes]
    assert {complaint for _, complaint in answers} == {""}
    assert len({said for said, _ in answers}) == 1
    assert [one.name for one in mlflow.MlflowClient(f"sqlite:///{project}/mlflow.db").search_experiments()] == [
        "digits",
        "Default",
    ]


def test_a_store_that_is_interrupted_while_it_is_made_leaves_nothing(project, monkeypatch):
    def interrupted(address):
        Path(address.removeprefix("sqlite:///")).write_bytes(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(mlflow, "MlflowClient", interrupted)
        with pytest.raises(KeyboardInterrupt):
            Tracker.open("digits")
    assert not list(project.glob("*.db"))
    assert Tracker.open("digits").experiment


def test_a_full_disk_is_no_matter_of_the_address(project, monkeypatch):
    def full(address):
        raise MlflowException("(sqlite3.OperationalError) database or disk is full [SQL: CREATE TABLE …]")

    monkeypatch.setattr(mlflow, "MlflowClient", full)
    with pytest.raises(OSError, match="database or disk is full") as error:
        Tracker.open("digits")
    assert (error.value.errno, error.value.filename) == (errno.ENOSPC, f"sqlite:///{project}/mlflow.db")


# A store that goes away


def test_a_training_that_is_logged_live_ends_whole_and_finished(tracker, result):
    with logging_live(tracker, "lenet5", [Trained(result)], CONFIGURATION, "d1ce", layers=LAYERS) as live:
        live(Progress(0, []))
        live(Progress(0, [{"train/loss": 0.5, "val/loss": 0.75}]))
    found = runs(tracker)
    assert {run.info.status for run in found.values()} == {"FINISHED"}
    run = found["lenet5 replicate 1"]
    assert points(tracker, run.info.run_id) == [(1, 0.5), (2, 0.25)]
    assert run.data.metrics["train_seconds"] == 3.0
    assert run.data.tags["mlflow.source.git.commit"] == "c0ffee"
    assert found["lenet5"].data.params == {"training.epochs": "2"}
    kept = {"kept_loss": 0.5, "kept_accuracy": 0.75}
    assert found["lenet5"].data.metrics == {**kept, **dict.fromkeys(NETWORK_TOTALS, 1000), "receptive_field": 12}
    assert found["lenet5"].data.tags["convtrack.reused_replicates"] == "0"


def test_a_training_that_was_done_before_leaves_its_runs_as_they_were(tracker, result):
    def times():
        return {name: (run.info.start_time, run.info.end_time) for name, run in runs(tracker).items()}

    for _ in range(2):
        with logging_live(tracker, "lenet5", [Trained(result)], CONFIGURATION, "d1ce", layers=LAYERS):
            before = times()
    assert all(ended for _, ended in before.values())
    assert times() == before
    assert runs(tracker)["lenet5"].data.tags["convtrack.reused_replicates"] == "1"


@pytest.mark.parametrize(("problem", "status"), [(KeyboardInterrupt, "KILLED"), (UserError, "FAILED")])
def test_however_a_training_ends_no_run_stays_running(tracker, result, problem, status):
    with (
        pytest.raises(problem),
        logging_live(tracker, "lenet5", [Trained(result)], CONFIGURATION, "d1ce", layers=LAYERS) as live,
    ):
        live(Progress(0, []))
        raise problem
    assert {run.info.status for run in runs(tracker).values()} == {status}


def test_a_store_that_goes_away_stops_the_logging_not_the_training(away, tracker, result, capsys):
    with logging_live(away, "lenet5", [Trained(result)], CONFIGURATION, "d1ce", layers=LAYERS) as live:
        live(Progress(0, [{"train/loss": 0.5}]))
        away.client.away = True
        for _ in range(3):
            live(Progress(0, [{"train/loss": 0.5}, {"train/loss": 0.25}]))
    assert capsys.readouterr().out == (
        "MLflow does not answer (MlflowException); training goes on. The same command logs it later, or "
        "`convtrack publish` what has been evaluated.\n"
    )
    assert points(tracker, runs(tracker)["lenet5 replicate 1"].info.run_id) == [(1, 0.5)]


def test_a_store_that_goes_away_at_the_very_end_does_not_fail_the_training(away, result, capsys):
    with logging_live(away, "lenet5", [Trained(result)], CONFIGURATION, "d1ce", layers=LAYERS) as live:
        live(Progress(0, [{"train/loss": 0.5}]))
        away.client.away = True
    assert "MLflow does not answer" in capsys.readouterr().out


def test_a_store_that_comes_back_is_told_the_rest(away, tracker, result):
    with logging_live(away, "lenet5", [Trained(result)], CONFIGURATION, "d1ce", layers=LAYERS) as live:
        away.client.away = True
        live(Progress(0, [{"train/loss": 0.5}]))
    away.client.away = False
    for run in runs(tracker).values():
        tracker.end(run.info.run_id, "KILLED")  # as the next start would
    published = Published.of(tracker, "lenet5", "f00d", {0: "beef"}, configuration=CONFIGURATION, data_digest="d1ce")
    published.log_result(0, result)
    published.end("FINISHED")
    found = runs(tracker)
    assert {name: run.info.status for name, run in found.items()} == {
        "lenet5": "FINISHED",
        "lenet5 replicate 1": "FINISHED",
    }
    assert points(tracker, found["lenet5 replicate 1"].info.run_id) == [(1, 0.5), (2, 0.25)]


def test_a_fault_of_ours_is_not_taken_for_a_store_that_is_away(tracker, tmp_path):
    above = parent(tracker)
    live = Live(Published(tracker, above, {}.__getitem__, {0: child(tracker, above)}), tmp_path)
    with pytest.raises(AttributeError):
        live(Progress(0, ["no epoch"]))
