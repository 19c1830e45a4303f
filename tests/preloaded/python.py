"""A Python whose libraries are already imported, for tests that do not examine how a command starts.

TensorFlow, MLflow and DVC take many seconds to import, and the tests start hundreds of commands. A server imports them
once and forks for each command, which then imports the project's own modules from its folder.
"""

import atexit
import os
import socket
import subprocess
import sys
from functools import cache
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

HERE = Path(__file__).parent
PROGRAMS = ("python", "dvc")


@cache
def preloaded_python() -> str:
    """Start the server of this process and return the program to use instead of `sys.executable`.

    The folder of the program also contains `dvc`. TensorFlow survives a fork only on Linux. Elsewhere, the program is
    `sys.executable`.
    """
    if sys.platform != "linux":
        return sys.executable
    folder = Path(mkdtemp(prefix="preloaded-"))
    for name in PROGRAMS:
        program = folder / name
        program.write_text(f"#!{sys.executable} -IS\n{(HERE / 'client.py').read_text(encoding='utf-8')}")
        program.chmod(0o755)
    (folder / "plain").symlink_to(sys.executable)  # For what a copy of the server cannot run.
    # A test that comes first must not change what the commands of the others inherit.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / "socket"))
        listening.listen(100)
        command = [sys.executable, HERE / "server.py", str(listening.fileno()), folder / "python", HERE.parents[1]]
        server = subprocess.Popen(
            command, stdin=subprocess.PIPE, env=environment, cwd=folder, pass_fds=[listening.fileno()]
        )

    @atexit.register
    def end() -> None:
        server.stdin.close()
        server.wait(60)
        rmtree(folder)

    return str(folder / "python")
