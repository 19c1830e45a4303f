import os
import socket
import sys

import pytest

from pipeline.cli.commands import serve
from pipeline.deployment.picture_model import SETTINGS
from pipeline.errors import UserError
from pipeline.tracking.served_model import SERVED_FOLDER, SERVED_VERSION


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The settings of a packaged network, in a project without a store."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setattr(os, "environ", os.environ.copy())
    (tmp_path / "packaged").mkdir()
    (tmp_path / "packaged" / SETTINGS).write_text("{}")
    monkeypatch.setattr(serve, "read_settings", lambda _: {"model": "lenet5", "data": "digits"})
    return tmp_path / "packaged"


def test_the_server_replaces_the_command_and_listens_on_loopback_only(folder, monkeypatch, capsys):
    started = []
    monkeypatch.setattr(os, "execv", lambda *command: started.append(command))
    serve.main(["--model", "./packaged", "--port", "5055"])
    ((program, command),) = started
    assert program == sys.executable
    assert command[command.index("--host") + 1] == "127.0.0.1" and command[command.index("--port") + 1] == "5055"
    assert (os.environ[SERVED_FOLDER], os.environ[SERVED_VERSION]) == ("packaged", "./packaged")
    assert "Page: http://127.0.0.1:5055" in capsys.readouterr().out


def test_without_a_champion_nothing_starts(folder, monkeypatch):
    monkeypatch.setattr("pipeline.tracking.model_registry.read_comparison", lambda: type("C", (), {"data": "digits"}))
    with pytest.raises(UserError, match="There is no champion of digits"):
        serve.main([])


@pytest.mark.parametrize("port", ["abc", "0", "65536"])
def test_an_impossible_port_is_refused(folder, port):
    with pytest.raises(UserError, match="`--port` must be an integer from 1 to 65535"):
        serve.main(["--model", "./packaged", "--port", port])


def test_a_port_that_is_in_use_is_reported_before_the_server_starts(folder):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(UserError, match=f"Port {port} of 127.0.0.1.*`convtrack serve --port NUMBER`"):
            serve.main(["--model", "./packaged", "--port", str(port)])
