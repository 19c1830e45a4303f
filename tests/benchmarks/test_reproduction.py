import os
import subprocess
import sys

import psutil

from benchmarks.process_tree import peak_memory, tree_memory
from benchmarks.reproduction import HOOKS, Reproduction, stage_seconds

MIB = 2**20


def test_output_between_stages_counts_for_the_stage_before():
    lines = [
        (0.5, "'data/images.dvc' didn't change, skipping\n"),
        (1.0, "Running stage 'prepare':\n"),
        (1.1, "> python -m pipeline prepare\n"),
        (3.0, "Running stage 'train@lenet5':\n"),
        (7.0, "Updating lock file 'dvc.lock'\n"),
    ]
    assert stage_seconds(lines, 8.0) == {"prepare": 2.0, "train@lenet5": 5.0}


def test_stages_of_all_models_are_added():
    one = Reproduction(10.0, {"train@a": 2.0, "train@b": 3.0, "trainer": 7.0, "report": 1.0}, memory=0, imports=0)
    assert (one.of("train"), one.of("report"), one.of("evaluate")) == (5.0, 1.0, 0)


def test_each_process_that_imports_tensorflow_is_counted_once(tmp_path):
    log = tmp_path / "imports.log"
    (tmp_path / "tensorflow.py").write_text("")
    environment = {**os.environ, "PYTHONPATH": f"{HOOKS}:{tmp_path}", "BENCHMARK_IMPORTS": str(log)}
    for code in ("import tensorflow; import tensorflow", "import json", "import tensorflow"):
        subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    assert len(set(log.read_text().split())) == len(log.read_text().split()) == 2


def test_memory_of_descendants_counts():
    child = "import time; held = bytearray(100 * 2**20); print(flush=True); time.sleep(60)"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    parent.stdout.readline()
    try:
        assert 100 * MIB < tree_memory(parent.pid) < 150 * MIB
    finally:
        for process in (*psutil.Process(parent.pid).children(), parent):
            process.kill()
        parent.wait()
        parent.stdout.close()


def test_the_peak_is_kept_when_a_process_has_ended():
    code = "import time; held = bytearray(200 * 2**20); time.sleep(1.5)"
    process = subprocess.Popen([sys.executable, "-c", code])
    with peak_memory(process.pid) as peak:
        process.wait()
    assert 190 * MIB < peak.total < 260 * MIB
    assert tree_memory(process.pid) == 0
