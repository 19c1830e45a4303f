"""The entry point ends with the exit code of an interruption, however often it is interrupted."""

import signal
import subprocess
import sys

import pytest

PROGRAM = """
import atexit, os, sys
from pipeline.cli import main

def interrupted(arguments):
    raise KeyboardInterrupt

main._run = interrupted
class Last:
    def __del__(self, kill=os.kill, process=os.getpid(), number=int(sys.argv[1])):
        kill(process, number)

moment = {
    "exit functions": lambda: atexit.register(os.kill, os.getpid(), int(sys.argv[1])),
    "modules": lambda: globals().update(last=Last()),
}
moment[sys.argv[2]]()
main.main()
"""


@pytest.mark.parametrize("moment", ["exit functions", "modules"])
@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM])
def test_a_second_interrupt_while_python_shuts_down_leaves_the_exit_code(second, moment):
    process = subprocess.run([sys.executable, "-c", PROGRAM, str(second.value), moment], capture_output=True, text=True)
    assert process.returncode == 130
    assert process.stderr == (
        "convtrack: Interrupted. Run the same command again to continue; finished work is kept.\n"
    )


def test_ctrl_c_while_modules_are_imported_ends_with_one_sentence():
    program = """
import sys
class Interrupting:
    def find_spec(self, name, *rest):
        if name.startswith("pipeline.cli") and "main" not in name:
            raise KeyboardInterrupt

import pipeline.cli
sys.meta_path.insert(0, Interrupting())
from pipeline.cli.main import main
main()
"""
    process = subprocess.run([sys.executable, "-c", program, "ui"], capture_output=True, text=True)
    assert process.returncode == 130
    assert process.stderr == (
        "convtrack: Interrupted. Run the same command again to continue; finished work is kept.\n"
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_that_a_library_replaces_by_an_error_of_its_own_is_an_interrupt(number):
    program = """
import os, sys
from pipeline.cli import main

def replaced(arguments):
    try:
        os.kill(os.getpid(), int(sys.argv[1]))
    except KeyboardInterrupt:
        raise TypeError from None  # As TensorFlow's Flatten does.

main._run = replaced
main.main()
"""
    process = subprocess.run([sys.executable, "-c", program, str(number.value)], capture_output=True, text=True)
    assert process.returncode == 130
    assert process.stderr == (
        "convtrack: Interrupted. Run the same command again to continue; finished work is kept.\n"
    )


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_standard_stream_is_no_error(closed):
    program = "from pipeline.cli.main import main; import sys; sys.argv[1:] = ['--help']; main(); sys.stdin.read()"
    process = subprocess.run(
        ["sh", "-c", f'exec "$0" -c "$1" {closed}', sys.executable, program], capture_output=True, text=True
    )
    assert (process.returncode, process.stderr) == (0, "")
    assert ("convtrack" in process.stdout) == (">&-" not in closed.replace("2>&-", ""))


FAILING_THREAD = """
import threading
from pipeline.cli import main

def failing():
    raise {error}

def run(arguments):
    thread = threading.Thread(target=failing)
    thread.start()
    {wait}

main._run = run
main.main()
"""


def test_a_command_that_waits_for_a_thread_ends_with_a_sentence_if_the_thread_fails_without_memory():
    program = FAILING_THREAD.format(error='RuntimeError("can\'t start new thread")', wait="threading.Event().wait()")
    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert process.returncode == 1
    assert process.stderr.startswith("convtrack: Memory ran out. ") and process.stderr.count("\n") == 1


@pytest.mark.parametrize("caught", ["KeyboardInterrupt", "BaseException"])
def test_a_command_that_catches_interrupts_also_ends_with_the_sentence_and_exit_code_1(caught):
    program = f"""
import threading
from pipeline.cli import main

def run(arguments):
    for _ in range(2):
        threading.Thread(target=lambda: bytes(10**15)).start()
    try:
        threading.Event().wait()
    except {caught}:
        pass

main._run = run
main.main()
"""
    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert process.returncode == 1
    assert process.stderr.startswith("convtrack: Memory ran out. ") and process.stderr.count("\n") == 1


def test_a_thread_that_fails_after_ctrl_c_changes_nothing():
    program = """
import os, signal, threading
from pipeline.cli import main

def run(arguments):
    try:
        os.kill(os.getpid(), signal.SIGINT)
    finally:
        thread = threading.Thread(target=lambda: bytes(10**15))
        thread.start()
        thread.join()

main._run = run
main.main()
"""
    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert process.returncode == 130
    assert process.stderr == (
        "convtrack: Interrupted. Run the same command again to continue; finished work is kept.\n"
    )


def test_a_command_continues_after_a_bug_in_a_thread_and_prints_its_traceback_without_secrets():
    program = FAILING_THREAD.format(error='ValueError("http://me:secret@host")', wait="thread.join(); print('done')")
    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (process.returncode, process.stdout) == (0, "done\n")
    assert process.stderr.startswith("Traceback") and "ValueError" in process.stderr
    assert "secret" not in process.stderr
