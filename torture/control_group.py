"""A control group of the kernel (version 1 or 2) that limits the memory of some processes."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

UNIFIED = Path("/sys/fs/cgroup")
"""The only hierarchy of version 2."""
SEPARATE = UNIFIED / "memory"
"""The hierarchy for memory of version 1."""


class MemoryGroup:
    """A control group; `folder` is its interface."""

    def __init__(self, folder: Path) -> None:
        """Use the existing group in `folder`."""
        self.folder = folder
        self.first_version = (folder / "memory.limit_in_bytes").exists()

    def add(self, processes: Iterable[int]) -> None:
        """Move processes into the group. Memory that they have already is not counted in version 1."""
        for process in processes:
            with suppress(OSError):
                (self.folder / "cgroup.procs").write_text(str(process))

    def limit(self, size: int) -> None:
        """Limit the memory to `size` bytes."""
        (self.folder / ("memory.limit_in_bytes" if self.first_version else "memory.max")).write_text(str(size))

    @property
    def exhausted(self) -> bool:
        """Whether the kernel has killed a process of the group."""
        events = (self.folder / ("memory.oom_control" if self.first_version else "memory.events")).read_text()
        return any(line.startswith("oom_kill ") and line.split()[1] != "0" for line in events.splitlines())

    def remove(self) -> None:
        """Move the remaining processes to the group above, and delete this one."""
        for _ in range(50):
            for process in (self.folder / "cgroup.procs").read_text().split():
                with suppress(OSError):
                    (self.folder.parent / "cgroup.procs").write_text(process)
            try:
                self.folder.rmdir()
                return
            except OSError:
                time.sleep(0.1)


def can_control() -> bool:
    """Whether this process may create control groups."""
    try:
        with memory_control("torture-probe"):
            return True
    except OSError:
        return False


@contextmanager
def memory_control(name: str) -> Iterator[MemoryGroup]:
    """Create a group for the block.

    Raises:
        OSError: this machine does not allow it.
    """
    folder = (SEPARATE if SEPARATE.is_dir() else UNIFIED) / name
    folder.mkdir()
    group = MemoryGroup(folder)
    try:
        if not (folder / "cgroup.procs").exists():
            raise OSError(f"{folder} is no control group")
        group.limit(2**50)
        yield group
    finally:
        group.remove()
