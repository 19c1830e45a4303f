"""Temporary folders that do not outlive a killed process for long.

A process holds a lock (flock(2)) on each of its temporary folders, and the system releases the lock when the process
ends, however it ends. A folder without a lock was therefore left behind, and the next process that makes a folder of
the same prefix deletes it. A PID in the name would not do: in a new container, another process has the same PID.
"""

import fcntl
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.util import Finalize, get_temp_dir
from pathlib import Path

PROCESS_PREFIX = "convtrack-"
"""Prefix of the folder for all temporary files of one process."""
TOKEN = re.compile("[0-9a-f]{8}")
SHORT_PLACE = Path("/tmp")
LONGEST_SOCKET = 103
"""Bytes that the path of a socket may have on macOS (unix(4)); Linux allows 107 (unix(7))."""


@contextmanager
def temporary_folder(parent: Path, prefix: str) -> Iterator[Path]:
    """Yield a new folder in `parent`, whose name is `prefix` and a random token; it is deleted after the block.

    Folders of the same prefix that killed processes have left are deleted, too.
    """
    _delete_left(parent, prefix)
    folder, lock = _locked_folder(parent, prefix)
    try:
        yield folder
    finally:
        _delete(folder, lock)


@contextmanager
def own_temporary_files() -> Iterator[None]:
    """Within the block, let all libraries of this process and its children put temporary files into one such folder.

    It is deleted when the process ends. A server that replaces this process (`os.execv`) keeps it. If the folder cannot
    be made, as on a full disk, temporary files go to the default place. The sockets of multiprocessing have a folder of
    their own below /tmp if the path of this one is too long for them.
    """
    before = tempfile.tempdir
    try:
        folder = _folder_of_process(_place())
    except OSError:
        yield
        return
    if _too_long_for_sockets(folder):
        with suppress(OSError):
            tempfile.tempdir = str(_folder_of_process(SHORT_PLACE))
            # This process and its workers keep this folder.
            get_temp_dir()
    tempfile.tempdir = str(folder)
    try:
        with _environment_variable("TMPDIR", str(folder)):
            yield
    finally:
        tempfile.tempdir = before


def _folder_of_process(place: Path) -> Path:
    """A new folder that is deleted when this process ends."""
    _delete_left(place, PROCESS_PREFIX)
    folder, lock = _locked_folder(place, PROCESS_PREFIX)
    os.set_inheritable(lock, True)
    # After multiprocessing has deleted its own folder in it, which has the priority -100.
    Finalize(None, _delete_all, (folder, lock), exitpriority=-200)
    return folder


def _delete_all(folder: Path, lock: int) -> None:
    """Delete the folder of this process, and those of processes that were killed while it ran."""
    _delete(folder, lock)
    with suppress(OSError):  # The whole place may be gone, such as the temporary folder of a test.
        _delete_left(folder.parent, PROCESS_PREFIX)


def _too_long_for_sockets(folder: Path) -> bool:
    return len(os.fsencode(folder / "pymp-12345678" / "listener-12345678")) > LONGEST_SOCKET


def _place() -> Path:
    place = Path(tempfile.gettempdir())
    # Not inside the folder of the process that started this one, which may end earlier.
    ours = place.name.startswith(PROCESS_PREFIX) and TOKEN.fullmatch(place.name.removeprefix(PROCESS_PREFIX))
    return place.parent if ours else place


@contextmanager
def _environment_variable(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        del os.environ[name]
        if before is not None:
            os.environ[name] = before


def _locked_folder(parent: Path, prefix: str) -> tuple[Path, int]:
    """A new folder and the file descriptor that holds its lock."""
    while True:
        folder = parent / f"{prefix}{secrets.token_hex(4)}"
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
            # Another process may take the folder for one that was left, and delete it before it is locked.
            with suppress(FileNotFoundError):
                lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
                # Some network file systems have no locks; left folders stay there.
                with suppress(OSError):
                    fcntl.flock(lock, fcntl.LOCK_EX)
                if folder.exists():
                    return folder, lock
                os.close(lock)


def _delete(folder: Path, lock: int) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    os.close(lock)


def _delete_left(parent: Path, prefix: str) -> None:
    with os.scandir(parent) as entries:
        found = [entry.path for entry in entries if entry.name.startswith(prefix)]
    for path in found:
        if TOKEN.fullmatch(Path(path).name.removeprefix(prefix)):
            with suppress(OSError):
                _delete_unless_locked(path)


def _delete_unless_locked(folder: str) -> None:
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
    else:
        _delete(Path(folder), lock)
