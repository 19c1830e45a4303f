"""The peak memory of a process and its descendants."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

INTERVAL = 0.5  # seconds
PSS = re.compile(r"^Pss:\s+(\d+) kB", re.MULTILINE)


class Peak:
    """The highest sum so far, in bytes."""

    total = 0


@contextmanager
def peak_memory(pid: int) -> Iterator[Peak]:
    """Within the block, sum every half second the memory of the process and its descendants, and keep the highest sum.

    Memory that processes share is divided among them (PSS), so it counts once. Without Linux's /proc, the sum is that
    of the resident memory, in which shared memory counts several times.
    """
    peak, over = Peak(), threading.Event()

    def watch() -> None:
        while not over.wait(INTERVAL):
            peak.total = max(peak.total, tree_memory(pid))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        over.set()
        thread.join()


def tree_memory(pid: int) -> int:
    """Bytes of memory of the process and its descendants now; 0 if it has ended."""
    try:
        root = psutil.Process(pid)
        processes = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    return sum(_memory(process) for process in processes)


def _memory(process: psutil.Process) -> int:
    try:
        rollup = Path(f"/proc/{process.pid}/smaps_rollup")
        if not rollup.exists():
            return int(process.memory_info().rss)
        found = PSS.search(rollup.read_text(encoding="ascii"))
        return 1024 * int(found.group(1)) if found else 0
    except (OSError, psutil.Error):
        return 0  # The process has just ended.
