"""An SQLite store with what is logged to it, and a small comparison, run stage by stage against a real server."""

import os
import shutil
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import mlflow
import numpy as np
import pytest
import requests
from mlflow.exceptions import MlflowException

from pipeline.data.images import Images
from pipeline.data.prepared import read_prepared, write_prepared
from pipeline.storage.folders import ResultFolder
from pipeline.tracking.publish.training import NETWORK_TOTALS
from pipeline.tracking.tracker import Tracker

ROOT = Path(__file__).parents[2]
MODELS = ("locally_connected", "lecture_cnn")
REPLICATES = 2
EPOCHS = 2
SMALL = ("data=digits", "split=random")
EPOCH = {"train/loss": 0.5, "train/accuracy": 0.5, "val/loss": 0.75, "val/accuracy": 0.25, "seconds": 1.0}


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """An MLflow server of its own on a free port, with an empty store in the folder; yields its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{folder / 'server.db'}"]
    command += ["--artifacts-destination", str(folder / "artefacts")]
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_for(address, server)
            yield address
        finally:
            server.terminate()
            server.wait(60)


def _wait_for(address: str, server: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + 90
    while time.monotonic() < until and server.poll() is None:
        try:
            if requests.get(f"{address}/health", timeout=2).ok:
                return
        except (requests.ConnectionError, requests.Timeout):
            time.sleep(0.3)
    raise AssertionError(f"no MLflow server at {address}")


@dataclass(frozen=True)
class Project:
    """A project folder whose commands log to one address."""

    folder: Path
    address: str

    def run(self, *arguments: str) -> str:
        """What a command prints; it must succeed."""
        variables = {**os.environ, "MLFLOW_TRACKING_URI": self.address, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-m", "pipeline", *arguments],
            cwd=self.folder,
            env=variables,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{arguments}\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    def client(self) -> mlflow.MlflowClient:
        """A client of the store, which MLflow's functions without one ask, too."""
        mlflow.set_tracking_uri(self.address)
        return mlflow.MlflowClient(self.address)

    def runs(self, kind: str) -> dict[str, mlflow.entities.Run]:
        """The runs of a kind (`model` or `replicate`) by name."""
        client = self.client()
        experiment = client.get_experiment_by_name("digits")
        found = client.search_runs([experiment.experiment_id], f"tags.`convtrack.kind` = '{kind}'", max_results=100)
        assert len({run.info.run_name for run in found}) == len(found)
        return {run.info.run_name: run for run in found}


@pytest.fixture(scope="session")
def served(tmp_path_factory) -> Iterator[Project]:
    """The comparison, run to its report with a server as its store."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copytree(ROOT / "conf", folder / "conf")
    (folder / "data" / "images").mkdir(parents=True)
    comparison = folder / "conf" / "comparison.yaml"
    text = comparison.read_text(encoding="utf-8")
    for name in ("fully_connected", "lenet5", "resnet8"):
        text = text.replace(f"  - {name}\n", "")
    text = text.replace("replicates: 4", f"replicates: {REPLICATES}").replace("data: elpv", "data: digits")
    comparison.write_text(text.replace("split: group", "split: random"), encoding="utf-8")
    with serving(tmp_path_factory.mktemp("server")) as address:
        project = Project(folder, address)
        project.run("prepare")
        for model in MODELS:
            project.run("build", f"model={model}")
            project.run("train", f"model={model}", f"training.epochs={EPOCHS}")
            project.run("evaluate", f"model={model}")
        project.run("report")
        yield project


@pytest.fixture(scope="session", autouse=True)
def empty_store(tmp_path_factory):
    """A store without experiments; to make it takes a second, to copy it nothing."""
    file = tmp_path_factory.mktemp("store") / "mlflow.db"
    with warnings.catch_warnings():
        # MLflow describes its tables in a way that SQLAlchemy 2.1 calls deprecated, once, when they are imported.
        warnings.simplefilter("ignore", DeprecationWarning)
        mlflow.MlflowClient(f"sqlite:///{file}").search_experiments()
    return file


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A working directory of its own with a store that is not there yet."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    # By its whole path, because MLflow keeps a store by its address for as long as the process lives.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def tracker(project, empty_store):
    """The tracker of the data set `digits`."""
    shutil.copy(empty_store, project / "mlflow.db")
    return Tracker.open("digits")


def points(tracker, run, metric="train/loss"):
    return [(point.step, point.value) for point in tracker.client.get_metric_history(run, metric)]


def runs(tracker):
    return {run.info.run_name: run for run in tracker.client.search_runs([tracker.experiment])}


class Away:
    """A client that answers until it is told to be away."""

    def __init__(self, client):
        self.client, self.away = client, False

    def __getattr__(self, name):
        if self.away:
            raise MlflowException("connection refused")
        return getattr(self.client, name)


@pytest.fixture
def away(tracker):
    """A tracker whose store can be made to go away."""
    return Tracker(Away(tracker.client), tracker.experiment)


SPLITS = np.array([[0, 0, 1, 2], [1, 0, 0, 2]], np.uint8)


def write_images(folder, splits, strategy="group"):
    images = Images(
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
    """A finished training of two epochs, beside the images that it has seen."""
    write_images(project / "prepared", SPLITS)
    folder = ResultFolder(project / "result")
    folder.folder.mkdir()
    folder.history.write_text("epoch,train/loss,val/loss\n1,0.5,0.75\n2,0.25,0.5\n")
    folder.record.write_text(
        '{"seconds": 3.0, "epochs": 2, "kept_epoch": 2, "kept_loss": 0.5, "kept_accuracy": 0.75, "commit": "c0ffee", '
        '"dirty": false, "replicate": 0}'
    )
    return folder


class Trained:
    """As much of a task as publishing asks for."""

    replicate, fingerprint, model_fingerprint = 0, "beef", "f00d"

    def __init__(self, result):
        self.result = result
        self.prepared = result.folder.parent / "prepared"


CONFIGURATION = {"training": {"seed": 0, "epochs": 2}}
LAYERS = {**dict.fromkeys(NETWORK_TOTALS, 1000), "receptive_field": [10, 12]}
