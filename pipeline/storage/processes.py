"""The identity of a process, so that another process can find out whether it still runs; workers end with theirs."""

import multiprocessing
import os
import socket
import threading
from multiprocessing.connection import wait

import psutil


def this_process() -> str:
    """Return the unique name of this process: host name, PID and start time."""
    return f"{socket.gethostname()} {_started(psutil.Process())}"


def is_local(process: str) -> bool:
    """Return whether a process named by `this_process` belongs to this machine."""
    return process.partition(" ")[0] == socket.gethostname()


def process_id(process: str) -> int | None:
    """Return the PID of a process named by `this_process`, or None for any other text."""
    number = process.partition(" ")[2].partition(" ")[0]
    return int(number) if number.isdigit() else None


def is_gone(process: str) -> bool:
    """Return whether a process of this machine has ended; always False for a process of another machine."""
    number = process_id(process)
    if not is_local(process) or number is None:
        return False
    try:
        found = psutil.Process(number)
        return _started(found) != process.partition(" ")[2] or found.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _started(process: psutil.Process) -> str:
    return f"{process.pid} {process.create_time():.0f}"


def end_with_parent() -> None:
    """Let this worker process end as soon as the process that started it has ended, however it ended."""
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
