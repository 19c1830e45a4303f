"""A server behind a path and a host name with TLS, and one that does not serve the files of runs."""

from pathlib import Path
from urllib.parse import urlsplit

import mlflow
import pytest
from PIL import Image

from pipeline.errors import UserError
from pipeline.tracking.tracker import Tracker
from pipeline.tracking.views import ui_address
from tests.system.tracking.conftest import free_port, serving
from tests.tracking.certificates import write_certificate


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    """An empty working directory, and no credentials."""
    monkeypatch.chdir(tmp_path)
    for name in ("USERNAME", "PASSWORD", "TOKEN", "SERVER_CERT_PATH", "INSECURE_TLS"):
        monkeypatch.delenv(f"MLFLOW_TRACKING_{name}", raising=False)
    return tmp_path


@pytest.fixture
def opened(monkeypatch):
    """A function that opens the experiment `digits` of a server."""

    def open_at(address):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        return Tracker.open("digits")

    return open_at


def check_logging(tracker, folder):
    """Log values, a picture and files, replace the files, and read everything."""
    run = tracker.parent("f00d", "lenet5", parameters={"training.epochs": 3}, tags={})
    tracker.log_metrics(run, {"test/accuracy": 0.5})
    Image.new("L", (4, 4)).save(folder / "kernels.png")
    tracker.log_kernels(run, {1: folder / "kernels.png"})
    for name in ("first.txt", "second.txt"):
        (folder / name).write_text(name)
        tracker.replace_files(run, [folder / name], "report")
    client = mlflow.MlflowClient()
    assert client.get_run(run).data.metrics == {"test/accuracy": 0.5}
    assert [file.path for file in client.list_artifacts(run, "report")] == ["report/second.txt"]
    assert Path(client.download_artifacts(run, "report/second.txt", str(folder))).read_text() == "second.txt"
    assert any("kernels+step+1" in file.path for file in client.list_artifacts(run, "images"))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return write_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="module")
def guarded(tmp_path_factory, certificate):
    """The address of a server with a certificate, below a path, that accepts one host name."""
    folder, port = tmp_path_factory.mktemp("guarded"), free_port()
    options = ["--static-prefix", "/mlflow", "--allowed-hosts", f"localhost:{port}"]
    options += ["--uvicorn-opts", f"--ssl-certfile {certificate} --ssl-keyfile {certificate}"]
    options += ["--artifacts-destination", str(folder / "artifacts")]
    with serving(folder, *options, port=port, page=f"https://localhost:{port}/mlflow") as address:
        yield address


def test_a_server_below_a_path_with_a_trusted_certificate_takes_all_that_is_logged(
    guarded, certificate, opened, monkeypatch, tmp_path
):
    monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", str(certificate))
    check_logging(opened(guarded), tmp_path)
    assert ui_address() == guarded


def test_an_untrusted_certificate_is_reported(guarded, opened):
    with pytest.raises(UserError, match=r"is not trusted .*MLFLOW_TRACKING_SERVER_CERT_PATH"):
        opened(guarded)


# urllib3 warns of every request without a check, which the user has chosen.
@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_a_certificate_may_be_left_unchecked(guarded, opened, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_INSECURE_TLS", "true")
    assert opened(guarded).experiment


def test_a_host_name_that_the_server_does_not_accept_is_reported(guarded, certificate, opened, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", str(certificate))
    port = urlsplit(guarded).port
    with pytest.raises(UserError, match=f"does not accept requests for the host name 127.0.0.1:{port}. Start it with"):
        opened(guarded.replace("localhost", "127.0.0.1"))


def test_a_missing_path_is_reported(guarded, certificate, opened, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", str(certificate))
    with pytest.raises(UserError, match=r"is not an MLflow server\. Correct host, port and path"):
        opened(guarded.removesuffix("/mlflow"))


def test_http_to_a_server_with_a_certificate_is_reported(guarded, opened):
    with pytest.raises(UserError, match="cannot be reached"):
        opened(guarded.replace("https:", "http:"))


@pytest.fixture(scope="module")
def without_files(tmp_path_factory):
    """The address of a server that leaves files to its clients, and their folder."""
    folder = tmp_path_factory.mktemp("server")
    with serving(folder, "--no-serve-artifacts", "--default-artifact-root", str(folder / "files")) as address:
        yield address, folder / "files"


def test_a_client_that_reaches_the_folder_of_a_server_without_file_service_writes_there(
    without_files, opened, tmp_path
):
    address, files = without_files
    check_logging(opened(address), tmp_path)
    assert list(files.rglob("second.txt"))
