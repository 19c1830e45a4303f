"""One start of a command: its processes, its output and its end."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import psutil

from torture.workspace import MARK, Workspace

STAGE_ENDS = "Updating lock file"
"""DVC writes this line when a stage has ended, before it writes dvc.lock."""


class Attempt:
    """A command that has been started in a process group of its own.

    Its output goes to a file, so that nobody has to read a pipe while the command is stopped or killed.
    """

    def __init__(
        self, space: Workspace, command: tuple[str, ...], log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        """Start the command with `environment` added to that of the workspace; `log` receives its output."""
        self.space, self.command, self.log = space, command, log
        self.environment = dict(environment or {})
        # A namespace of its own for mounts, so that an act can mount a small /dev/shm.
        wrapped = ("unshare", "--mount", *command) if space.on_disk else command
        self.start = time.monotonic()
        with log.open("wb") as stream:
            self.top = subprocess.Popen(
                wrapped,
                cwd=space.project,
                env=space.environment(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.start

    @property
    def code(self) -> int | None:
        """The exit code, negative for a signal; None while the command runs."""
        return self.top.poll()

    @property
    def output(self) -> str:
        """What the command has written so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    @property
    def ended_stages(self) -> int:
        """How many stages of DVC have ended."""
        return self.output.count(STAGE_ENDS)

    @property
    def has_own_mounts(self) -> bool:
        """Whether the command runs in its own namespace for mounts."""
        with suppress(OSError):
            return Path(f"/proc/{self.top.pid}/ns/mnt").readlink() != Path("/proc/self/ns/mnt").readlink()
        return False

    def processes(self) -> list[psutil.Process]:
        """The processes of the round, also those that have lost their parent."""
        return processes_of(self.space)

    def signal_group(self, number: signal.Signals) -> None:
        """Send a signal to the process group, as a terminal does."""
        with suppress(ProcessLookupError):
            os.killpg(self.top.pid, number)

    def wait(self, seconds: float) -> bool:
        """Wait for the end of the command; return whether it has ended."""
        with suppress(subprocess.TimeoutExpired):
            self.top.wait(seconds)
        return self.code is not None

    def again(self, log: Path) -> "Attempt":
        """Start the same command once more, at the same time."""
        return Attempt(self.space, self.command, log, self.environment)


def processes_of(space: Workspace) -> list[psutil.Process]:
    """The processes that commands in the workspace have started, in the order of their PIDs."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            alive = process.status() != psutil.STATUS_ZOMBIE
            if alive and process.environ().get(MARK) == str(space.folder):
                found.append(process)
    return found


def end_processes(space: Workspace, patience: float) -> list[str]:
    """Wait for the processes of the workspace, kill those that remain, and return their command lines."""
    end = time.monotonic() + patience
    while (left := processes_of(space)) and time.monotonic() < end:
        time.sleep(0.2)
    shown = [shown_process(process) for process in left]
    for process in left:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(left, timeout=10)
    return shown


def shown_process(process: psutil.Process) -> str:
    """The command line of a process, without folders of this machine."""
    try:
        words = [re.sub(r"/\S*/", "", word) for word in process.cmdline()]
    except psutil.Error:
        return "a process that has ended"
    return shortened(" ".join(words).replace("\n", " "))


def shortened(text: str, length: int = 110) -> str:
    """The beginning of a text.

    >>> shortened("word " * 5, 8)
    'word wor…'
    """
    return text if len(text) <= length else f"{text[:length]}…"
