"""Who can reach the server of `convtrack ui`: pages of this machine, and nobody else."""

import shutil
import socket
import subprocess
import sys
import time

import psutil
import pytest
import requests

NAMES = ("10.example.org", "192.168.example.org", "example.org", "localhost.example.org")


@pytest.fixture
def server(project, empty_store):
    """A running server, as its process and its port."""
    shutil.copy(empty_store, project.folder / "mlflow.db")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = project.variables | {"MLFLOW_TRACKING_URI": f"sqlite:///{project.folder}/mlflow.db"}
    command = [sys.executable, "-m", "pipeline", "ui", "--port", str(port)]
    with (project.folder / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=project.folder, env=environment, stdout=log, stderr=log)
        try:
            until = time.monotonic() + 120
            while time.monotonic() < until and process.poll() is None:
                try:
                    requests.get(f"http://127.0.0.1:{port}/health", timeout=5)
                    break
                except requests.ConnectionError:
                    time.sleep(0.3)
            yield psutil.Process(process.pid), port
        finally:
            process.terminate()
            process.wait(60)


# MLflow takes ten seconds and more to start, so one server answers all questions.
def test_only_this_machine_and_its_own_pages_use_the_server(server):
    process, port = server
    family = [process, *process.children(recursive=True)]
    listening = {one.laddr for each in family for one in each.net_connections() if one.status == psutil.CONN_LISTEN}
    assert {address.ip for address in listening} == {"127.0.0.1"}
    assert not any("sqlite:" in " ".join(each.cmdline()) for each in family)

    search = f"http://127.0.0.1:{port}/ajax-api/2.0/mlflow/experiments/search"
    assert requests.post(search, json={"max_results": 1}, timeout=30).ok
    for name in NAMES:
        for host in (name, f"{name}:{port}"):
            assert requests.get(f"http://127.0.0.1:{port}/", headers={"Host": host}, timeout=30).status_code == 403
    origin = {"Origin": "https://example.org"}
    assert requests.post(search, json={"max_results": 1}, headers=origin, timeout=30).status_code == 403
