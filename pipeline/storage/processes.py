"""Which process works on something, so that another one can tell whether it still does."""

import socket

import psutil


def this_process() -> str:
    """Names this process so that no other one ever bears the name: its machine, number and time of birth."""
    return f"{socket.gethostname()} {_born(psutil.Process())}"


def is_local(process: str) -> bool:
    """Whether a process named by `this_process` is, or was, one of this machine."""
    return process.partition(" ")[0] == socket.gethostname()


def process_number(process: str) -> int | None:
    """The number of a process named by `this_process`; None for any other text."""
    number = process.partition(" ")[2].partition(" ")[0]
    return int(number) if number.isdigit() else None


def is_gone(process: str) -> bool:
    """Whether a process of this machine has ended; of other machines nothing is known."""
    number = process_number(process)
    if not is_local(process) or number is None:
        return False
    try:
        found = psutil.Process(number)
        return _born(found) != process.partition(" ")[2] or found.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _born(process: psutil.Process) -> str:
    return f"{process.pid} {process.create_time():.0f}"
