"""A small comparison, run stage by stage as a user runs it, with a real MLflow server as its store."""

import os
import shutil
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import mlflow
import pytest
import requests
import yaml
from urllib3.exceptions import InsecureRequestWarning

from tests.preloaded.python import preloaded_python
from tests.tracking import conftest as tracking

imported_tables = tracking.imported_tables
ROOT = Path(__file__).parents[3]
MODELS = ("locally_connected", "lecture_cnn")
BASELINES = ("grey_levels",)
REPLICATES = 2
EPOCHS = 2
SECRET = "s3cr3t-mark"
"""Stands for every password and token. No file and no output contains it."""
SECRETS = ("PGPASSWORD", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "GITHUB_TOKEN", "OPENAI_API_KEY", "DB_PASSWORD")


@contextmanager
def serving(folder: Path, *options: str, port: int | None = None, page: str = "") -> Iterator[str]:
    """Run an MLflow server with its store in the folder, and yield its address.

    `options` are further ones of `mlflow server`. `page` is the start of its addresses if it is not
    http://127.0.0.1:PORT; certificates are not checked while it starts.
    """
    port = port or free_port()
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{folder / 'server.db'}"]
    command += options or ["--artifacts-destination", str(folder / "artifacts")]
    with (folder / "server.log").open("w") as log:
        # As in `convtrack ui`: without the workers that run jobs for language models.
        variables = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        server = subprocess.Popen(command, cwd=folder, env=variables, stdout=log, stderr=log)
        try:
            address = page or f"http://127.0.0.1:{port}"
            _wait_for(address, server)
            yield address
        finally:
            server.terminate()
            server.wait(60)


def free_port() -> int:
    """An unused port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _wait_for(address: str, server: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + 90
    while time.monotonic() < until and server.poll() is None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", InsecureRequestWarning)
                healthy = requests.get(f"{address}/health", timeout=2, verify=False).ok
            if healthy:
                return
        except (requests.ConnectionError, requests.Timeout):
            time.sleep(0.3)
    raise AssertionError(f"No MLflow server at {address}.")


@dataclass(frozen=True)
class Project:
    """A project folder whose commands log to the store at `address`."""

    folder: Path
    address: str
    server: Path = Path()
    printed: list[str] = field(default_factory=list)

    def run(self, *arguments: str) -> str:
        """Run a command, which must succeed, and return its output."""
        variables = {
            **os.environ,
            **dict.fromkeys(SECRETS, SECRET),
            "MLFLOW_TRACKING_URI": self.address,
            "PYTHONPATH": str(ROOT),
        }
        done = subprocess.run(
            [preloaded_python(), "-m", "pipeline", *arguments],
            cwd=self.folder,
            env=variables,
            capture_output=True,
            text=True,
            check=False,
        )
        self.printed.extend((done.stdout, done.stderr))
        assert done.returncode == 0, f"{arguments}\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    def client(self) -> mlflow.MlflowClient:
        """A client of the store. Functions of MLflow that take no client use the store, too."""
        mlflow.set_tracking_uri(self.address)
        return mlflow.MlflowClient(self.address)

    def runs(self, kind: str, *, baselines: bool = False) -> dict[str, mlflow.entities.Run]:
        """The runs of a kind (`model` or `replicate`) by name, those of networks or those of baselines."""
        client = self.client()
        experiment = client.get_experiment_by_name("digits")
        of_kind = f"tags.`convtrack.kind` = '{kind}' AND tags.`convtrack.baseline` IS {'NOT ' * baselines}NULL"
        found = client.search_runs([experiment.experiment_id], of_kind, max_results=100)
        assert len({run.info.run_name for run in found}) == len(found)
        return {run.info.run_name: run for run in found}


@pytest.fixture(scope="module", autouse=True)
def other_tests_keep_their_store() -> Iterator[None]:
    """MLflow keeps the store of the process in the environment, too: forget it after the tests of a file."""
    yield
    mlflow.set_tracking_uri(None)


@pytest.fixture(scope="session")
def served(tmp_path_factory) -> Iterator[Project]:
    """A project after `convtrack report` of a small comparison, logged to a server."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copytree(ROOT / "conf", folder / "conf")
    shutil.copy(ROOT / "tests" / "comparison.yaml", folder / "conf")
    (folder / "data" / "images").mkdir(parents=True)
    remote = f"https://me:{SECRET}@git.example.org/project.git"
    for command in (["init", "--quiet"], ["remote", "add", "origin", remote], ["add", "conf"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    comparison = folder / "conf" / "comparison.yaml"
    changes = {"data": "digits", "split": "random", "models": list(MODELS), "baselines": list(BASELINES)}
    settings = yaml.safe_load(comparison.read_text(encoding="utf-8")) | changes | {"replicates": REPLICATES}
    comparison.write_text(yaml.safe_dump(settings), encoding="utf-8")
    server = tmp_path_factory.mktemp("server")
    with serving(server) as address:
        project = Project(folder, address.replace("//", f"//me:{SECRET}@"), server)
        project.run("prepare")
        project.run("build")
        project.run("plan")
        for model in MODELS:
            project.run("train", f"model={model}", f"training.epochs={EPOCHS}")
            project.run("evaluate", f"model={model}")
        project.run("baseline")
        project.run("report")
        yield project
