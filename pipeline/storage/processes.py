"""The identity of a process, so that another process can find out whether it still runs; workers end with theirs.

On Linux, the text has the host name, the PID, and facts that neither a changed clock nor a container can alter:

    gpu3 4711 start=3468768 boot=c8478d49-ece4-4108-b417-56ba185a5f69 pidns=4026531836 machine=9f86d081884c7d65

`start` is the start of the process in clock ticks since the machine booted (field 22 of /proc/PID/stat, proc(5)),
`boot` a random number of this boot, `pidns` the PID namespace (pid_namespaces(7)), and `machine` a digest of
/etc/machine-id. On other systems, and in texts of earlier versions, the PID is followed by psutil's start time in whole
seconds since 1970. It moves when the clock is set, so that a process then looks as if it had ended.
"""

import fcntl
import multiprocessing
import os
import socket
import sys
import threading
from contextlib import suppress
from functools import cache
from hashlib import sha256
from multiprocessing.connection import wait
from multiprocessing.util import Finalize
from pathlib import Path
from typing import NamedTuple, NoReturn

import psutil

from pipeline.storage.folders import cache_folder

INITIAL_NAMESPACE = "4026531836"
"""The PID namespace outside of all containers, in every Linux: PROC_PID_INIT_INO in its include/linux/proc_ns.h."""

_own_signs: list[tuple[Path, int]] = []


class _Identity(NamedTuple):
    """`started` is in clock ticks since `boot` if there is a `boot`, otherwise in seconds since 1970."""

    host: str
    pid: int
    started: str
    boot: str = ""
    pidns: str = ""
    machine: str = ""


def this_process() -> str:
    """Return the unique name of this process. It stays the same, even if the host is renamed meanwhile."""
    return _name(os.getpid())


def is_local(process: str) -> bool:
    """Return whether this process can look up a process named by `this_process` by its PID.

    A process in another container is not local even if it runs on this machine.
    """
    other, own = _parsed(process), _parsed(this_process())
    if other is None or own is None:
        return False
    if other.boot and own.boot:
        return (other.boot, other.pidns) == (own.boot, own.pidns)
    return other.host == own.host


def process_id(process: str) -> int | None:
    """Return the PID of a process named by `this_process`, or None for any other text."""
    identity = _parsed(process)
    return identity.pid if identity else None


def is_gone(process: str) -> bool:
    """Return whether it is certain that a process has ended.

    True for a process of this machine and PID namespace that does not run, for one in another container that has left
    its sign in this project (`leave_sign`), and for one from before the machine's last restart. Otherwise False for a
    process in another container or on another machine: its PID means nothing here.
    """
    other = _parsed(process)
    if other is None:
        return False
    if is_local(process):
        return not _runs(other)
    own = _parsed(this_process())
    return own is not None and (
        _restarted_since(other, own) or (other.boot == own.boot and _is_unlocked(_sign(process)))
    )


def leave_sign() -> None:
    """Lock a file of this project until this process ends, so that it is known in other containers whether it runs.

    The lock (flock(2)) is released however the process ends. It says nothing to other machines.
    """
    _hold_sign(os.getpid())


@cache
def _hold_sign(pid: int) -> None:
    if sys.platform != "linux":
        return
    name = _name(pid)
    sign = _sign(name)
    # A full disk is reported by what is written next.
    with suppress(OSError):
        sign.parent.mkdir(parents=True, exist_ok=True)
        _remove_needless_signs(sign.parent)
        file = _locked(sign)
        # Not `atexit`, which workers of multiprocessing skip.
        Finalize(None, _remove_own_sign, (sign, pid), exitpriority=0)
        _own_signs.append((sign, pid))
        os.write(file, name.encode())


def _locked(sign: Path) -> int:
    """Create a sign and lock it."""
    while True:
        file = os.open(sign, os.O_RDWR | os.O_CREAT, 0o666)
        fcntl.flock(file, fcntl.LOCK_EX)
        # Another process may have taken the sign for a needless one before it was locked.
        if os.fstat(file).st_nlink:
            return file
        os.close(file)


def _remove_own_sign(sign: Path, pid: int) -> None:
    # A forked process inherits the signs of its parent.
    if os.getpid() == pid:
        with suppress(OSError):
            sign.unlink(missing_ok=True)
            # Of its workers that were killed.
            _remove_needless_signs(sign.parent)


def _remove_needless_signs(folder: Path) -> None:
    """Remove the signs of processes that have ended and of which this is known without a sign.

    That of a process in another container stays until the machine restarts: only the sign shows that it has ended.
    """
    for sign in folder.iterdir():
        with suppress(OSError), sign.open(encoding="utf-8", errors="replace") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not _needs_sign(file.read()):
                sign.unlink()


def _needs_sign(process: str) -> bool:
    other, own = _parsed(process), _parsed(this_process())
    return other is not None and own is not None and other.boot == own.boot and not is_local(process)


def _sign(process: str) -> Path:
    return (cache_folder() / "processes" / sha256(process.encode()).hexdigest()[:32]).absolute()


def _is_unlocked(sign: Path) -> bool:
    """Whether a file exists that no process has locked."""
    try:
        file = os.open(sign, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(file)
    return True


def _restarted_since(other: _Identity, own: _Identity) -> bool:
    """Whether this machine has restarted since the other process started.

    Containers share host names, and those of one image share a machine-id, so both processes must be outside of
    containers.
    """
    outside = {other.pidns, own.pidns} == {INITIAL_NAMESPACE}
    same = bool(own.machine) and (other.host, other.machine) == (own.host, own.machine)
    return outside and same and other.boot != own.boot


def _runs(local: _Identity) -> bool:
    if local.boot and not _proc_shows_this_namespace():
        return psutil.pid_exists(local.pid)
    try:
        if not local.boot:
            found = psutil.Process(local.pid)
            return f"{found.create_time():.0f}" == local.started and found.status() != psutil.STATUS_ZOMBIE
        state, started = _state_and_start(Path(f"/proc/{local.pid}/stat"))
        return started == local.started and state not in "ZX"  # zombie, dead
    except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
        # With the option hidepid, /proc hides the processes of other users.
        return _belongs_to_another_user(local.pid)


def _belongs_to_another_user(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except OSError:
        pass
    return False


def _proc_shows_this_namespace() -> bool:
    """Whether the PIDs below /proc are those of this PID namespace; `unshare --pid` leaves the parent's there."""
    return Path("/proc/self").readlink().name == str(os.getpid())


def _state_and_start(stat: Path) -> tuple[str, str]:
    """The state of a process and its start in clock ticks since boot."""
    # Field 2, the program's name in parentheses, may contain blanks and parentheses.
    fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    return fields[0], fields[19]


# By PID, so that a forked process has a name of its own.
@cache
def _name(pid: int) -> str:
    host = socket.gethostname()
    if sys.platform == "linux":
        with suppress(OSError):
            _, started = _state_and_start(Path("/proc/self/stat"))
            boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
            namespace = Path("/proc/self/ns/pid").readlink().name.strip("pid:[]")
            return f"{host} {pid} start={started} boot={boot} pidns={namespace} machine={_machine()}"
    return f"{host} {pid} {psutil.Process().create_time():.0f}"


def _machine() -> str:
    """A digest of the machine-id, which should not be published itself (machine-id(5)); empty if there is none."""
    with suppress(OSError):
        identity = Path("/etc/machine-id").read_bytes().strip()
        return sha256(b"convtrack" + identity).hexdigest()[:16] if len(identity) == 32 else ""
    return ""


def _parsed(process: str) -> _Identity | None:
    """The parts of a name, or None for any other text."""
    host, _, rest = process.partition(" ")
    pid, _, facts = rest.partition(" ")
    if not (pid.isascii() and pid.isdigit()):
        return None
    named = dict(fact.partition("=")[::2] for fact in facts.split())
    if not named.get("boot"):
        return _Identity(host, int(pid), facts)
    return _Identity(host, int(pid), *(named.get(name, "") for name in ("start", "boot", "pidns", "machine")))


def end_with_parent() -> None:
    """Let this worker process end as soon as the process that started it has ended, however it ended.

    It ends at once if there is no memory for that: the pool then reports a worker that was killed.
    """
    try:
        threading.Thread(target=_end_with_parent, daemon=True).start()
    except (MemoryError, RuntimeError):
        end_at_once()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        end_at_once()


def end_at_once() -> NoReturn:
    """End this process without its exit functions, but remove its sign."""
    for sign, pid in _own_signs:
        _remove_own_sign(sign, pid)
    os._exit(1)
