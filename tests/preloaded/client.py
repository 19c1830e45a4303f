"""Run a command in a fork of the server, with the working directory, environment and open files of this process.

It imports as little as possible, because it starts for every command.
"""

import json
import os
import signal
import socket
import sys


def main() -> None:
    """Do what `python ARGUMENTS` or `dvc ARGUMENTS` does."""
    program = os.path.abspath(sys.argv[0])
    folder, name = os.path.split(program)
    arguments = sys.argv[1:] if name == "python" else ["-m", name, *sys.argv[1:]]
    while arguments[:1] == ["-B"]:  # As `multiprocessing` starts its processes.
        del arguments[0]
    if arguments[:1] not in (["-c"], ["-m"]):
        plain = os.readlink(os.path.join(folder, "plain"))
        os.execv(plain, [plain, *arguments])
    files = [number for number in map(int, os.listdir("/proc/self/fd")) if _is_open(number)]
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(os.path.join(folder, "socket"))
    request = {"arguments": arguments, "folder": os.getcwd(), "environment": dict(os.environ), "files": files}
    socket.send_fds(connection, [b"."], files)
    connection.sendall(json.dumps(request).encode() + b"\n")
    for number in files:
        os.close(number)  # What reads them must see their end when the command ends.
    code = int(connection.makefile().read() or 1)
    if code < 0:
        if code == -signal.SIGINT:  # The only signal that Python would turn into an exception here.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


def _is_open(number: int) -> bool:
    """Whether a file descriptor is open. The one that has listed `/proc/self/fd` is already closed."""
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main()
