"""The workers of the joblib launcher: copies of a process that has imported TensorFlow."""

import subprocess
import sys

import pytest

PROGRAM = """
import time
import joblib
from omegaconf import OmegaConf
from pipeline.sweeping.launchers import preload_workers

launcher = {"_target_": "hydra_plugins.hydra_joblib_launcher.joblib_launcher.JoblibLauncher", "n_jobs": 2}
began = time.monotonic()
preload_workers(OmegaConf.create({"hydra": {"launcher": launcher}}))
seconds = time.monotonic() - began
names = "tensorflow", "pipeline.experiment", "pipeline.training.replicate"
question = f"[name in __import__('sys').modules for name in {names}]"
print(joblib.Parallel(n_jobs=2)([joblib.delayed(eval)(question)] * 2), seconds < 2)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="workers are copies of another process only on Linux")
def test_workers_start_with_tensorflow_while_the_sweep_prepares():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("[[True, True, True], [True, True, True]] True\n", "")
