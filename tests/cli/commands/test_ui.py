import json
import os
import socket
import sqlite3
import subprocess
import sys
import tomllib
from contextlib import closing
from pathlib import Path

import pytest

from pipeline.cli.commands import ui
from pipeline.config.reading import read_comparison
from pipeline.errors import UserError
from pipeline.tracking.published import Published, remember
from pipeline.tracking.tracker import Tracker

ROOT = Path(__file__).parents[3]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project whose store holds no model."""
    (tmp_path / "conf").symlink_to(ROOT / "conf")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_link_prints_the_pages_of_report_and_runs_and_serves_nothing(project, capsys):
    ui.main(["--link", "--port", "5050"])
    settings = read_comparison()
    experiment, models = Tracker.open(settings.data).experiment, len(settings.models) + len(settings.baselines)
    runs = f"http://127.0.0.1:5050/#/experiments/{experiment}/runs?viewStateShareKey="
    assert capsys.readouterr().out.splitlines() == [
        "Report: reports/comparison.html",
        "Champion: none yet (`dvc repro package`)",
        "Runs (start the server with `make ui`):",
        f"  models as a table      {runs}comparison&workflowType=machine_learning",
        f"  models as charts       {runs}charts&compareRunsMode=CHART&workflowType=machine_learning",
        f"  models side by side    {runs}side-by-side&compareRunsMode=CHART&workflowType=machine_learning",
        f"  {models} of {models} models are not in this store; `convtrack publish` adds them",
    ]


@pytest.mark.parametrize(
    ("model", "line"),
    [
        ("lenet5", "Champion: lenet5 in champion/ (`convtrack champion`); model card: reports/model_card.html"),
        (None, "Champion: none (`convtrack champion`); model card: reports/model_card.html"),
    ],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_link_prints_where_the_champion_is(project, capsys, model, line):
    keys = ("data", "replicates", "reason", "by_person", "metric", "score")
    (project / "champion").mkdir()
    (project / "champion/champion.json").write_text(json.dumps(dict.fromkeys(keys) | {"model": model}))
    ui.main(["--link"])
    assert line in capsys.readouterr().out.splitlines()


def test_the_links_to_a_published_comparison_need_no_mlflow(project):
    models = (*read_comparison().models, *read_comparison().baselines)
    (project / ".convtrack").mkdir()
    with closing(sqlite3.connect(project / "mlflow.db")) as store, store:
        store.execute("create table experiments (experiment_id integer, name, lifecycle_stage, artifact_location)")
        store.execute("insert into experiments values (7, ?, 'active', '')", (read_comparison().data,))
        store.execute("create table runs (run_uuid, experiment_id integer, lifecycle_stage, status)")
        store.executemany("insert into runs values (?, 7, 'active', 'FINISHED')", [(model,) for model in models])
    remember(read_comparison().data, Published("7", {model: model for model in models}))
    code = "import sys; from pipeline.cli.commands import ui; ui.main(['--link']); sys.exit('mlflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "/#/experiments/7/runs?viewStateShareKey=comparison" in done.stdout
    assert "not in this store" not in done.stdout


def test_a_tracking_server_is_not_served_again(project, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:secret@somewhere:5000")
    with pytest.raises(UserError) as error:
        ui.main([])
    assert str(error.value) == "MLFLOW_TRACKING_URI is a server: open http://somewhere:5000 in a browser."


def test_a_password_of_the_store_is_no_argument_of_the_server(project, monkeypatch):
    started, address = [], "postgresql://me:secret@somewhere/runs"
    monkeypatch.setattr(os, "environ", os.environ.copy())
    monkeypatch.setattr(os, "execv", lambda *command: started.append(command))
    os.environ["MLFLOW_TRACKING_URI"] = address
    ui._serve(5050)
    ((_, command),) = started
    assert "secret" not in " ".join(command) and os.environ["MLFLOW_BACKEND_STORE_URI"] == address


def test_an_installation_without_the_application_is_reported(project, monkeypatch):
    monkeypatch.setattr(ui, "entry_points", lambda **_: ())
    with pytest.raises(UserError, match=r"older than this code.*`make ui`.*`pip install --no-deps -e .`"):
        ui.main([])


def test_the_application_is_declared_for_mlflow():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"]
    assert declared["mlflow.app"] == {ui.APP: "pipeline.tracking.ui_server:app"}


@pytest.mark.parametrize("port", ["abc", "0", "-1", "65536", "5000.5"])
def test_an_impossible_port_is_refused(project, port):
    with pytest.raises(UserError, match="`--port` must be an integer from 1 to 65535"):
        ui.main(["--port", port])


def test_a_port_that_is_in_use_is_reported_before_the_server_starts(project, monkeypatch):
    monkeypatch.setattr(ui, "entry_points", lambda **_: (ui.APP,))
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(UserError, match=f"Port {port} of 127.0.0.1 cannot be used.*`convtrack ui --port NUMBER`"):
            ui.main(["--port", str(port)])
