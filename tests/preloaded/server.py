"""Import the libraries of the commands, and run each command in a fork of this process."""

import fcntl
import gc
import importlib
import json
import multiprocessing
import os
import runpy
import select
import signal
import socket
import sys
import time
import types

LIBRARIES = (
    "mlflow.pyfunc",
    "mlflow.store.tracking.sqlalchemy_store",
    "h5py",
    "hydra",
    "jinja2",
    "optuna",
    "pandas",
    "scipy.stats",
    "sklearn.linear_model",
    "matplotlib.figure",
    "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_svg",
    "dvc.cli.parser",
    "dvc.repo",
)
HIGH = 500
"""Above the file descriptors that a command has."""
LIBRARY_PATH = sys.path[1:]
"""Without the folder of this file."""


def main(number: int, program: str, project: str) -> None:
    """Accept commands until standard input is closed, as when the tests end.

    `number` is the file descriptor of the socket, `program` the Python that commands start for their own workers, and
    `project` this project's folder.
    """
    listening = socket.socket(fileno=number)
    import_libraries(project)
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        ready, _, _ = select.select([listening, sys.stdin], [], [])
        if sys.stdin in ready:
            os._exit(0)
        connection, _ = listening.accept()
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            listening.close()
            return run(connection, program)
        connection.close()


def import_libraries(project: str) -> None:
    """Import the libraries as the project does, and forget the project's own modules."""
    sys.path.insert(0, project)
    importlib.import_module("pipeline.training.runtime").start_tensorflow()
    importlib.import_module("pipeline.tracking")
    for name in LIBRARIES:
        importlib.import_module(name)
    for name in [one for one in sys.modules if one.split(".")[0] == "pipeline"]:
        del sys.modules[name]


def run(connection: socket.socket, program: str) -> None:
    """Run the command that a client requests, in a fork of this process, and send its exit code to the client."""
    _, received, _, _ = socket.recv_fds(connection, 1, 250)
    request = json.loads(connection.makefile().readline())
    command = os.fork()
    if command:
        for one in received:
            os.close(one)
        send_exit_code(command, connection)
        os._exit(0)
    connection.close()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    take_files(received, request["files"])
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    time.tzset()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    multiprocessing.set_executable(program)
    paths = [one for one in os.environ.get("PYTHONPATH", "").split(os.pathsep) if one]
    option, what, *arguments = request["arguments"]
    sys.path[:] = [os.getcwd() if option == "-m" else "", *paths, *LIBRARY_PATH]
    if option == "-m":
        sys.argv = [what, *arguments]
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    else:
        sys.argv = ["-c", *arguments]
        sys.modules["__main__"] = types.ModuleType("__main__")
        exec(what, vars(sys.modules["__main__"]))


def send_exit_code(command: int, connection: socket.socket) -> None:
    """Wait for a command and send its exit code; kill it if the client ends first."""
    ended = os.pidfd_open(command)
    ready, _, _ = select.select([ended, connection], [], [])
    if ended not in ready:
        os.kill(command, signal.SIGKILL)
        return
    _, status = os.waitpid(command, 0)
    connection.sendall(str(os.waitstatus_to_exitcode(status)).encode())


def take_files(received: list[int], numbers: list[int]) -> None:
    """Give the received file descriptors the numbers that they have in the client."""
    above = [fcntl.fcntl(one, fcntl.F_DUPFD, HIGH) for one in received]
    for one in received:
        os.close(one)
    for one, number in zip(above, numbers, strict=True):
        os.dup2(one, number)
        os.close(one)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3])
