"""A preloaded Python does what a new one does."""

import signal
import subprocess
import sys

import pytest

from tests.preloaded.python import preloaded_python


@pytest.fixture(params=["preloaded", "plain"])
def python(request):
    """The preloaded Python and `sys.executable`: each test must pass with both."""
    return preloaded_python() if request.param == "preloaded" else sys.executable


def run(python, code, *arguments, **options):
    return subprocess.run([python, "-c", code, *arguments], capture_output=True, text=True, timeout=60, **options)


def test_folder_environment_input_arguments_and_output_are_those_of_the_command(python, tmp_path):
    code = "import os, sys; print(os.getcwd(), os.environ, sys.stdin.read(), sys.argv); print('e', file=sys.stderr)"
    done = run(python, code, "a b", cwd=tmp_path, env={"X": "1"}, input="text")
    assert done.stdout.startswith(f"{tmp_path} environ({{'X': '1'")
    assert done.stdout.endswith("text ['-c', 'a b']\n")
    assert done.stderr == "e\n"


@pytest.mark.parametrize(
    ("code", "expected"),
    [("pass", 0), ("exit(7)", 7), ("exit('why')", 1), ("1 / 0", 1), ("import os; os.kill(os.getpid(), 9)", -9)],
)
def test_the_exit_code_is_that_of_the_command(python, code, expected):
    assert run(python, code).returncode == expected


def test_a_module_is_that_of_the_folder(python, tmp_path):
    (tmp_path / "pipeline.py").write_text("print('own', __name__)")
    done = subprocess.run([python, "-m", "pipeline"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "own __main__\n"


def test_workers_of_a_command_end_with_its_results(python, tmp_path):
    (tmp_path / "job.py").write_text(
        "import multiprocessing\n"
        "if __name__ == '__main__':\n"
        "    with multiprocessing.get_context('forkserver').Pool(2) as pool:\n"
        "        print(pool.map(abs, [-1, -2]))\n"
    )
    done = subprocess.run([python, "-m", "job"], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60)
    assert (done.stdout, done.stderr) == ("[1, 2]\n", "")


def test_a_command_ends_with_its_client(python):
    code = "import time; print('started', flush=True); time.sleep(600)"
    with subprocess.Popen([python, "-c", code], stdout=subprocess.PIPE, text=True) as client:
        assert client.stdout.readline() == "started\n"
        client.send_signal(signal.SIGKILL)
        assert client.stdout.read() == ""  # Only after the last process that can write has ended.
