import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

from pipeline.cli.commands import watch
from pipeline.errors import UserError
from tests.watch.conftest import write_run

ROOT = Path(__file__).parents[3]


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf").symlink_to(ROOT / "conf")
    return tmp_path


@pytest.mark.parametrize(
    ("which", "message"),
    [
        ("lecture_cmm", "Unknown model 'lecture_cmm'. Did you mean 'lecture_cnn'?"),
        ("conf", "Folder 'conf' contains no training: name a run folder, such as runs/MODEL."),
    ],
)
def test_a_mistake_is_reported_before_the_server_starts(project, which, message):
    with pytest.raises(UserError) as raised:
        watch.main([which, "--no-open"])
    assert str(raised.value).startswith(message)


def test_outside_a_project_only_a_folder_is_watched(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for which in (None, "lenet5"):
        with pytest.raises(UserError, match=r"^conf/ does not exist here: run this command in the folder of the proj"):
            watch._found(which)
    write_run("lenet5")
    assert len(watch._found("runs/lenet5")()) == 1


@pytest.mark.parametrize("which", [[], ["lenet5"], ["runs/lenet5"]], ids=["all", "a model", "a folder"])
def test_the_command_serves_the_trainings_until_it_is_interrupted(project, which):
    write_run("lenet5")
    command = [sys.executable, "-m", "pipeline", "watch", *which, "--no-open", "--port", "5093"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None and server.stderr is not None
        assert server.stdout.readline() == "Page: http://127.0.0.1:5093 (Ctrl-C ends the server)\n"
        assert server.stdout.readline() == "1 model with trainings, none running\n"
        with urlopen("http://127.0.0.1:5093/trainings", timeout=10) as reply:
            assert [model["model"] for model in json.load(reply)] == ["lenet5"]
        server.send_signal(signal.SIGINT)
        assert server.stderr.read() == ""
    assert server.returncode == 0


def test_a_model_that_has_not_been_trained_yet_is_waited_for(project):
    assert watch._found("lenet5")() == []
    assert watch._summary([]).startswith("Nothing has been trained yet: run `dvc repro`")
