import json
import sqlite3

import pytest

from pipeline.storage.folders import RunFolder, cache_folder
from pipeline.tracking.address import store_address
from pipeline.tracking.published import Published, published_file, recall, remember
from tests.tracking.conftest import parent

MODELS = ("lenet5", "resnet8")


def write_fingerprint(model, fingerprint="f00d"):
    file = RunFolder.of(model).replicates
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"model_fingerprint": fingerprint}))


@pytest.fixture
def published(tracker):
    """Two models whose runs are in the store, remembered."""
    runs = {}
    for model in MODELS:
        write_fingerprint(model)
        runs[model] = parent(tracker, model=model)
        tracker.end(runs[model], "FINISHED")
    published = Published(tracker.experiment, runs)
    cache_folder().mkdir(exist_ok=True)
    remember("digits", published)
    return published


def change(statement, *values):
    """Change the SQLite store without MLflow."""
    with sqlite3.connect(store_address().removeprefix("sqlite:///")) as store:
        store.execute(statement, values)
    store.close()


def test_a_remembered_comparison_is_recalled_for_any_of_its_models(published):
    assert recall("digits", MODELS) == published
    assert recall("digits", MODELS[1:]) == Published(published.experiment, {"resnet8": published.runs["resnet8"]})


def test_other_models_data_or_stores_are_not_recalled(published, monkeypatch):
    assert recall("digits", (*MODELS, "lecture_cnn")) is None
    assert recall("elpv", MODELS) is None
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:////elsewhere/mlflow.db")
    assert recall("digits", MODELS) is None


def test_a_model_that_was_trained_again_is_not_recalled(published):
    write_fingerprint("lenet5", "beef")
    assert recall("digits", MODELS) is None


def test_a_deleted_run_is_noticed(published, tracker):
    tracker.client.delete_run(published.runs["lenet5"])
    assert recall("digits", MODELS) is None


def test_a_deleted_experiment_is_noticed(published, tracker):
    tracker.client.delete_experiment(tracker.experiment)
    assert recall("digits", MODELS) is None


def test_a_deleted_store_is_noticed_and_not_created(published, project):
    (project / "mlflow.db").unlink()
    assert recall("digits", MODELS) is None
    assert not (project / "mlflow.db").exists()


def test_runs_of_a_killed_process_are_left_to_mlflow(published):
    change("update runs set status = 'RUNNING' where run_uuid = ?", published.runs["lenet5"])
    assert recall("digits", MODELS) is None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"store": 1}'])
def test_a_damaged_file_is_ignored(published, content):
    published_file().write_text(content)
    assert recall("digits", MODELS) is None


def test_a_server_is_trusted_and_its_password_is_not_written(published, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:secret@somewhere:5000")
    remember("digits", published)
    assert recall("digits", MODELS) == published
    assert "secret" not in published_file().read_text()


def test_the_default_store_of_a_project_that_was_moved_is_left_to_mlflow(published, tracker, project, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    remember("digits", published)
    assert recall("digits", MODELS) == published
    change("update experiments set artifact_location = 'file:///elsewhere/mlartifacts' where name = 'digits'")
    assert recall("digits", MODELS) is None
