"""Which of several runs with one name a command takes: this project's, on the images prepared here, come first."""

import shutil
from pathlib import Path

import pytest

from pipeline.storage.files import write_json
from pipeline.tracking.find import find
from pipeline.tracking.names import DATA_DIGEST
from pipeline.tracking.store import Store
from pipeline.tracking.tracker import Tracker
from pipeline.verification.logged_runs import find_run, own_part
from pipeline.verification.recorded_run import recorded_run

ROOT = Path(__file__).parents[2]


@pytest.fixture
def here(project, empty_store):
    """A project that compares `elpv`, of which the images with the digest `new` are prepared, and its store."""
    shutil.copy(empty_store, project / "mlflow.db")
    shutil.copytree(ROOT / "conf", project / "conf")
    shutil.copy(ROOT / "tests/comparison.yaml", project / "conf")
    write_json(project / "data/prepared/manifest.json", {"digest": "new"})
    return project


def finished(data, digest, fingerprint, *, status="FINISHED"):
    """The id of a run of the model lenet5."""
    tracker = Tracker.open(data)
    run = tracker.parent(fingerprint, "lenet5", parameters={}, tags={DATA_DIGEST: digest})
    tracker.end(run, status)
    return run


def found():
    """The id of the run that `compare lenet5` takes, and the remark on it."""
    (run,), remarks = find(Store.open(), ["lenet5"])
    assert recorded_run(Store.open(), "lenet5").parent.info.run_id == run.info.run_id
    return run.info.run_id, " ".join(remarks)


def test_newer_runs_of_other_data_other_images_or_without_an_end_are_not_taken(here):
    finished("elpv", "new", "first")
    run = finished("elpv", "new", "second")
    finished("elpv", "old", "other images")
    finished("mnist", "new", "other data")
    finished("elpv", "new", "failed", status="FAILED")
    assert found() == (
        run,
        f"2 finished runs of this project on the images prepared here are named lenet5; the newest is used, {run[:8]}.",
    )


def test_a_single_run_of_this_project_and_its_images_needs_no_remark(here):
    run = finished("elpv", "new", "own")
    finished("mnist", "new", "other data")
    assert found() == (run, "")


def test_a_run_on_other_images_is_announced(here):
    run = finished("elpv", "old", "own")
    finished("mnist", "new", "other data")
    assert found() == (
        run,
        f"No finished run named lenet5 is on the images prepared here; the newest on others is used, {run[:8]}.",
    )


def test_a_run_of_other_data_is_announced(here):
    Tracker.open("elpv")
    run = finished("mnist", "new", "other data")
    assert found() == (
        run,
        f"This project has no finished run named lenet5 on elpv; the newest in the store is used, {run[:8]}, of mnist.",
    )


def test_runs_of_another_project_with_the_same_data_name_are_not_taken(here, monkeypatch, tmp_path):
    run = finished("elpv", "new", "own")
    (tmp_path / "bob").mkdir()
    monkeypatch.chdir(tmp_path / "bob")
    theirs = finished("elpv", "new", "own of bob")
    assert found() == (theirs, f"2 finished runs are named lenet5; the newest is used, {theirs[:8]}.")
    monkeypatch.chdir(here)
    assert found() == (run, "")


def test_verify_compares_with_the_runs_of_this_project_only(here, monkeypatch, tmp_path):
    def compared():
        store = Store.open()
        run = find_run(store, own_part(store, "elpv"), "ab12cd", "lenet5")
        return run and run.info.run_id

    own = finished("elpv", "new", "ab12cd")
    for folder in ("bob", "carol"):
        (tmp_path / folder).mkdir()
        shutil.copytree(here / "conf", tmp_path / folder / "conf")
    monkeypatch.chdir(tmp_path / "bob")
    assert compared() == own, "a store without this project is that of somebody else"
    Tracker.open("elpv")
    assert compared() is None
    theirs = finished("elpv", "new", "ab12cd")
    assert compared() == theirs
    monkeypatch.chdir(here)
    assert compared() == own
    assert recorded_run(Store.open(), "ab12cd").parent.info.run_id == own
    monkeypatch.chdir(tmp_path / "carol")
    assert recorded_run(Store.open(), "ab12cd").parent.info.run_id == theirs, "the newest of all"
