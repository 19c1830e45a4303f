"""An SQLite store, a tracker for it, and a small finished training."""

import shutil
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
from mlflow.exceptions import MlflowException

from pipeline.data.images import LabelledImages
from pipeline.data.prepared import read_prepared, write_prepared
from pipeline.storage.folders import ResultFolder
from pipeline.tracking.publish.model_runs import NETWORK_METRICS
from pipeline.tracking.tracker import Tracker

EPOCH = {"train/loss": 0.5, "train/accuracy": 0.5, "val/loss": 0.75, "val/accuracy": 0.25, "seconds": 1.0}
SPLITS = np.array([[0, 0, 1, 2], [1, 0, 0, 2]], np.uint8)
CONFIGURATION = {"training": {"seed": 0, "epochs": 2}}
LAYERS = {**dict.fromkeys(NETWORK_METRICS, 1000), "receptive_field": [10, 12]}


@pytest.fixture(scope="session", autouse=True)
def imported_tables(empty_store):
    """Import MLflow's tables before any test: the warning that this raises is silenced in `empty_store`."""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty working directory without a store."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    # An absolute path, because MLflow caches stores by address until the process ends.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def tracker(project, empty_store):
    """The tracker of the data set `digits`."""
    shutil.copy(empty_store, project / "mlflow.db")
    return Tracker.open("digits")


def points(tracker, run, metric="train/loss"):
    """The logged steps and values of a metric."""
    return [(point.step, point.value) for point in tracker.client.get_metric_history(run, metric)]


def runs(tracker):
    """All runs of the experiment by name."""
    return {run.info.run_name: run for run in tracker.client.search_runs([tracker.experiment])}


class FailingClient:
    """A client that fails while `unreachable` is True."""

    def __init__(self, client):
        self.client, self.unreachable = client, False

    def __getattr__(self, name):
        if self.unreachable:
            raise MlflowException("API request to http://127.0.0.1:1 failed with exception (connection refused)")
        return getattr(self.client, name)


class Counting:
    """A client that counts the calls of each method."""

    def __init__(self, client):
        self.client, self.calls = client, Counter()

    def __getattr__(self, name):
        self.calls[name] += 1
        return getattr(self.client, name)


@pytest.fixture
def failing_tracker(tracker):
    """A tracker whose store can be made unreachable."""
    return Tracker(FailingClient(tracker.client), tracker.experiment)


def write_images(folder, splits, strategy="group"):
    """Four prepared images with these splits."""
    images = LabelledImages(
        pixels=np.arange(4, dtype=np.uint8).reshape(4, 1, 1, 1),
        labels=np.array([0, 1, 0, 1]),
        classes=("even", "odd"),
        groups=np.array(list("abcd")),
        subgroups=None,
        names=np.array(list("abcd")),
        source="digits",
        licence="",
        attribution="",
        notes=(),
    )
    write_prepared(folder, images, splits, settings={"split": {"strategy": strategy}})
    return read_prepared(folder)


@pytest.fixture
def result(project):
    """A finished training of two epochs, next to its prepared images."""
    write_images(project / "prepared", SPLITS)
    folder = ResultFolder(project / "result")
    folder.folder.mkdir()
    folder.history.write_text("epoch,train/loss,val/loss\n1,0.5,0.75\n2,0.25,0.5\n")
    folder.record.write_text(
        '{"seconds": 3.0, "epochs": 2, "kept_epoch": 2, "kept_loss": 0.5, "kept_accuracy": 0.75, "commit": "c0ffee", '
        '"dirty": false, "replicate": 0}'
    )
    return folder


def task(result):
    """The attributes of a training task that logging reads."""
    prepared = result.folder.parent / "prepared"
    return SimpleNamespace(replicate=0, fingerprint="beef", model_fingerprint="f00d", result=result, prepared=prepared)


def parent(tracker, fingerprint="f00d", model="lenet5", **changes):
    """The id of a model's run."""
    options = {"parameters": {"training.epochs": 3}, "tags": {"convtrack.dirty": "false"}} | changes
    return tracker.parent(fingerprint, model, **options)


def child(tracker, above, fingerprint="beef", replicate=0):
    """The id of a replicate's run below the run `above`."""
    parameters = {"training.seed": 0}
    return tracker.child(above, fingerprint, "lenet5", replicate, parameters=parameters, tags={})
