"""The server as uvicorn starts it."""

import os
import subprocess
import sys

from pipeline.tracking.served_model import SERVED_FOLDER, SERVED_VERSION


def test_a_network_that_cannot_be_loaded_ends_the_server_with_one_sentence(tmp_path):
    command = [sys.executable, "-m", "uvicorn", "--factory", "pipeline.tracking.model_server:application"]
    environment = os.environ | {SERVED_FOLDER: str(tmp_path), SERVED_VERSION: "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1] == f"convtrack: {tmp_path} holds no packaged network: model.json is missing."
