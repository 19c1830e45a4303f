"""The workers of the joblib launcher: copies of a process that has imported TensorFlow."""

import subprocess
import sys

import psutil
import pytest

PRELOADING = """
import os
import signal
import time
import joblib
from omegaconf import OmegaConf
from pipeline.sweeping.launchers import preload_workers

launcher = {"_target_": "hydra_plugins.hydra_joblib_launcher.joblib_launcher.JoblibLauncher", "n_jobs": 2}
began = time.monotonic()
preload_workers(OmegaConf.create({"hydra": {"launcher": launcher}}))
seconds = time.monotonic() - began
"""

MODULES = """
names = "tensorflow", "pipeline.experiment", "pipeline.training.replicate"
question = f"[name in __import__('sys').modules for name in {names}]"
print(joblib.Parallel(n_jobs=2)([joblib.delayed(eval)(question)] * 2), seconds < 2)
"""

KILLED = """
print(*joblib.Parallel(n_jobs=2)([joblib.delayed(eval)("__import__('os').getpid()")] * 8), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="workers are copies of another process only on Linux")


def test_workers_start_with_tensorflow_while_the_sweep_prepares():
    done = subprocess.run([sys.executable, "-c", PRELOADING + MODULES], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("[[True, True, True], [True, True, True]] True\n", "")


def test_workers_without_a_trial_end_with_the_sweep():
    with subprocess.Popen([sys.executable, "-c", PRELOADING + KILLED], stdout=subprocess.PIPE, text=True) as sweep:
        workers = [psutil.Process(int(number)) for number in set(sweep.stdout.readline().split())]
        assert workers
    _, alive = psutil.wait_procs(workers, timeout=20)
    assert alive == []
