import os
import subprocess
import sys

import mlflow

from tests.system.tracking.conftest import ROOT


def test_processes_that_start_at_the_same_time_create_one_store(tmp_path):
    code = "from pipeline.tracking.tracker import Tracker; print(Tracker.open('digits').experiment)"
    store = f"sqlite:///{tmp_path}/mlflow.db"
    variables = os.environ | {"PYTHONPATH": str(ROOT), "MLFLOW_TRACKING_URI": store}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, env=variables, **pipes) for _ in range(4)]
    outputs = [process.communicate() for process in processes]
    assert {errors for _, errors in outputs} == {""}
    assert len({output for output, _ in outputs}) == 1
    assert [one.name for one in mlflow.MlflowClient(store).search_experiments()] == [
        "digits",
        "Default",
    ]
