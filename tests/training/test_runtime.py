import json
import os
import subprocess
import sys

import pytest

PROGRAM = """
import json
import os

from pipeline.errors import UserError
from pipeline.training.runtime import start_tensorflow

tf = start_tensorflow(2)
tf.constant(1) + 1
start_tensorflow(2)
start_tensorflow()
try:
    start_tensorflow(3)
    message = None
except UserError as mistake:
    message = str(mistake)
threads = tf.config.threading
traced = tf.function(lambda number: tf.constant(0.0))
for number in range(10):
    traced(number)
try:
    tf.random.uniform(())
    random = None
except RuntimeError as refused:
    random = str(refused)
print(json.dumps({
    "threads": [threads.get_intra_op_parallelism_threads(), threads.get_inter_op_parallelism_threads()],
    "message": message,
    "random": random,
    "variables": [os.environ.get(name) for name in ("TF_ENABLE_ONEDNN_OPTS", "TF_XLA_FLAGS")],
}))
"""


@pytest.fixture(scope="module")
def started():
    """The output of a new process that starts TensorFlow with two threads, then again, then with three."""
    environment = {**os.environ, "TF_ENABLE_ONEDNN_OPTS": "0", "TF_XLA_FLAGS": "--tf_xla_auto_jit=2"}
    return subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, env=environment)


def test_tensorflow_starts_and_retraces_without_messages(started):
    assert started.stderr == ""
    assert len(started.stdout.splitlines()) == 1


def test_the_number_of_threads_is_set_and_cannot_change(started):
    values = json.loads(started.stdout)
    assert values["threads"] == [2, 2]
    assert values["message"] == (
        "`training.threads` cannot change while TensorFlow runs in a process. "
        "Received 3, but it runs with 2. Use a separate process."
    )


def test_tensorflow_is_deterministic(started):
    # TensorFlow then raises an error for random numbers without a seed.
    assert "Random ops require a seed to be set when determinism is enabled" in json.loads(started.stdout)["random"]


def test_environment_variables_that_would_change_results_are_overridden(started):
    assert json.loads(started.stdout)["variables"] == ["1", None]
