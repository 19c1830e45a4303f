import json
import subprocess
import sys

import pytest

PROGRAM = """
import json

from pipeline.errors import UserError
from pipeline.training.runtime import start_tensorflow

tf = start_tensorflow(2)
tf.constant(1) + 1
start_tensorflow(2)
start_tensorflow()
try:
    start_tensorflow(3)
    told = None
except UserError as mistake:
    told = str(mistake)
threads = tf.config.threading
try:
    tf.random.uniform(())
    random = None
except RuntimeError as refused:
    random = str(refused)
print(json.dumps({
    "threads": [threads.get_intra_op_parallelism_threads(), threads.get_inter_op_parallelism_threads()],
    "told": told,
    "random": random,
}))
"""


@pytest.fixture(scope="module")
def started():
    """What a fresh process says that starts TensorFlow with two threads, then again, then with three."""
    return subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)


def test_it_starts_quietly(started):
    assert started.stderr == ""
    assert len(started.stdout.splitlines()) == 1


def test_threads_are_those_asked_for_and_cannot_change(started):
    said = json.loads(started.stdout)
    assert said["threads"] == [2, 2]
    assert said["told"] == (
        "`training.threads` cannot change once TensorFlow runs in a process. "
        "Received 3, running with 2; use one process for each."
    )


def test_it_is_deterministic(started):
    # TensorFlow then refuses to draw numbers without a seed.
    assert "Random ops require a seed to be set when determinism is enabled" in json.loads(started.stdout)["random"]
