"""The settings of `make server`, without starting a server."""

import subprocess
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from development import team_server
from development.team_server import main
from pipeline.errors import UserError


def test_the_secrets_are_made_once_and_only_their_user_can_read_them(tmp_path):
    first = team_server._environment(tmp_path, 5050)
    assert team_server._environment(tmp_path, 5050) == first
    for name in ("secrets", "environment"):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"", b"a\nb\nc", b"\xff", b"a b c d"])
def test_damaged_secrets_are_reported_and_kept(tmp_path, content):
    file = tmp_path / "secrets"
    file.write_bytes(content)
    with pytest.raises(UserError, match=r"secrets is damaged: it must hold 4 secrets .* Restore it from a backup"):
        team_server._environment(tmp_path, 5050)
    assert file.read_bytes() == content


def test_a_kill_while_the_secrets_are_written_leaves_no_file(tmp_path, monkeypatch):
    def killed(file, text):
        file.write_text(text[:10])
        raise KeyboardInterrupt

    monkeypatch.setattr(team_server, "_write_privately", killed)
    with pytest.raises(KeyboardInterrupt):
        team_server._environment(tmp_path, 5050)
    assert list(tmp_path.iterdir()) == []


def test_a_port_without_two_next_ones_is_refused():
    with pytest.raises(UserError, match=r"^`--port` must be at most 65533, .* Received 65534\.$"):
        main(["--port", "65534"])


def test_nobody_else_can_read_the_password_of_the_database_at_any_time(tmp_path, monkeypatch):
    seen = []

    def initdb(command, **options):
        secret = tmp_path / "password"
        seen.append((secret.stat().st_mode & 0o777, secret.read_text()))
        return SimpleNamespace(returncode=0)

    (tmp_path / "password").write_text("left by a kill")
    monkeypatch.setattr(subprocess, "run", initdb)
    monkeypatch.setattr(team_server.Path, "chmod", lambda *_: pytest.fail("the mode must be right from the beginning"))
    team_server._create(tmp_path, tmp_path / "database", "secret", {"initdb": "initdb"}, {})
    assert seen == [(0o600, "secret")]
    assert not (tmp_path / "password").exists()


def test_the_printed_command_works_with_a_space_in_the_folder(tmp_path, monkeypatch, capsys):
    @contextmanager
    def running(folder, port):
        yield {"files": SimpleNamespace(poll=lambda: 1)}

    monkeypatch.setattr(team_server, "running", running)
    monkeypatch.setattr(team_server.signal, "signal", lambda *_: None)
    with pytest.raises(UserError, match="The server files has ended"):
        main(["--folder", str(tmp_path / "a b")])
    assert f"  . '{tmp_path}/a b/environment' && convtrack publish" in capsys.readouterr().out
