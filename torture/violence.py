"""What is done to a running command: one function per kind, and the table of them.

A function acts, waits as long as its disturbance lasts, removes it, and returns what it has done in words.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import NamedTuple

import psutil

from torture.attempt import Attempt, shown_process
from torture.control_group import memory_control
from torture.own_clock import OwnClock
from torture.server import Server

HOUR = 3600
DISK, NAMESPACE, GROUPS, CLOCK, SERVER = "a disk", "a mount namespace", "control groups", "a C compiler", "a server"
"""What a kind may need of the machine or of the round."""


class Pace(NamedTuple):
    """How long disturbances last, in seconds."""

    stopped: float
    outage: float


@dataclass
class Scene:
    """The command that an act disturbs, and what the act may use. `others` are commands that acts have started."""

    attempt: Attempt
    random: Random
    pace: Pace
    logs: Path
    server: Server | None = None
    clock: OwnClock | None = None
    others: list[Attempt] = field(default_factory=list)


def kill_one(scene: Scene) -> str:
    """One randomly chosen process of the command is killed."""
    process = _any_process(scene)
    what = shown_process(process)
    with suppress(psutil.Error):
        process.kill()
    return what


def kill_group(scene: Scene) -> str:
    """The command and all its processes are killed."""
    scene.attempt.signal_group(signal.SIGKILL)
    return "the group"


def terminate(scene: Scene) -> str:
    """SIGTERM to the command, or to its whole group."""
    if scene.random.random() < 0.5:
        scene.attempt.signal_group(signal.SIGTERM)
        return "the group"
    scene.attempt.top.terminate()
    return "the command"


def interrupt(scene: Scene) -> str:
    """SIGINT to the group, as a terminal sends it."""
    scene.attempt.signal_group(signal.SIGINT)
    return "once"


def interrupt_twice(scene: Scene) -> str:
    """SIGINT again, before the first has ended the command."""
    pause = scene.random.uniform(0.05, 2)
    scene.attempt.signal_group(signal.SIGINT)
    scene.attempt.wait(pause)
    scene.attempt.signal_group(signal.SIGINT)
    return f"twice within {pause:.2f} s"


def stop(scene: Scene) -> str:
    """The command is stopped for a while."""
    scene.attempt.signal_group(signal.SIGSTOP)
    time.sleep(scene.pace.stopped)
    scene.attempt.signal_group(signal.SIGCONT)
    return f"for {scene.pace.stopped:.0f} s"


def limit_memory(scene: Scene) -> str:
    """One process cannot allocate more memory, until the command ends."""
    process = _any_process(scene)
    what = shown_process(process)
    with suppress(psutil.Error):
        limit = process.memory_info().vms + scene.random.randrange(0, 2**24)
        _, hard = process.rlimit(psutil.RLIMIT_AS)
        process.rlimit(psutil.RLIMIT_AS, (limit, hard))
        scene.attempt.wait(scene.pace.outage)
        process.rlimit(psutil.RLIMIT_AS, (hard, hard))
    return what


def exhaust_memory(scene: Scene) -> str:
    """The kernel kills processes because their control group has no memory left."""
    with memory_control(f"torture-{os.getpid()}") as group:
        group.add(process.pid for process in scene.attempt.processes())
        group.limit(scene.random.randrange(2**22, 2**25))
        end = time.monotonic() + scene.pace.outage
        while scene.attempt.code is None and not group.exhausted and time.monotonic() < end:
            time.sleep(0.05)
        return "the kernel killed a process" if group.exhausted else "no process needed more memory"


def fill_disk(scene: Scene) -> str:
    """No byte is free, until the command ends."""
    filling = scene.attempt.space.folder / "filling"
    filling.mkdir()
    try:
        return _lasting(scene, lambda number: _write_free_bytes(filling / str(number)))
    finally:
        shutil.rmtree(filling)


def fill_inodes(scene: Scene) -> str:
    """No file can be created, until the command ends."""
    filling = scene.attempt.space.folder / "filling"
    filling.mkdir()
    try:
        return _lasting(scene, lambda number: _create_free_files(filling, number))
    finally:
        shutil.rmtree(filling)


def shrink_shared_memory(scene: Scene) -> str:
    """The command has no other shared memory from its start."""
    # Before `unshare` has made the command's own namespace, this would be the /dev/shm of the whole machine.
    while not scene.attempt.has_own_mounts:
        if scene.attempt.wait(0.01):
            return "the command had ended"
    namespace = ("nsenter", "--mount", "--target", str(scene.attempt.top.pid))
    mounted = ("mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", "/dev/shm")
    done = subprocess.run((*namespace, *mounted), capture_output=True, check=False)
    return "from the start" if done.returncode == 0 else "the command had ended"


def remove_storage(scene: Scene) -> str:
    """The link to a storage is broken for a while."""
    present = [name for name in STORAGES if (scene.attempt.space.project / name).is_dir()]
    if not present:
        return "no storage existed yet"
    place = scene.attempt.space.project / scene.random.choice(present)
    away = scene.attempt.space.folder / "away"
    place.rename(away)
    place.symlink_to(scene.attempt.space.folder / "missing")
    scene.attempt.wait(scene.pace.outage)
    place.unlink()
    away.rename(place)
    return f"{place.name} for {scene.pace.outage:.0f} s"


def start_another(scene: Scene) -> str:
    """The same command a second time, at the same time."""
    other = scene.attempt.again(scene.logs / f"other-{len(scene.others)}.txt")
    scene.others.append(other)
    return "the same command"


def kill_server(scene: Scene) -> str:
    """The tracking server is killed, and starts again later."""
    server = _server(scene)
    server.kill()
    scene.attempt.wait(scene.pace.outage)
    server.start()
    return f"for {scene.pace.outage:.0f} s"


def restart_server(scene: Scene) -> str:
    """The tracking server ends, and starts again at once."""
    server = _server(scene)
    server.stop()
    server.start()
    return "at once"


def slow_server(scene: Scene) -> str:
    """Each response of the tracking server comes later."""
    server = _server(scene)
    server.delay = scene.random.uniform(0.2, 2)
    what = f"{server.delay:.1f} s later"
    scene.attempt.wait(scene.pace.outage)
    server.delay = 0
    return what


def set_back_clock(scene: Scene) -> str:
    """The clock of the commands goes back by an hour, and stays there."""
    assert scene.clock is not None
    scene.clock.set_back(HOUR)
    return "by an hour"


STORAGES = (".convtrack", "mlartifacts", ".dvc/cache", "data/prepared")


class Kind(NamedTuple):
    """A kind of act: how often it is drawn, in relation to the others, and what it needs.

    A command that it `kills` may end without a message.
    """

    act: Callable[[Scene], str]
    title: str
    weight: float
    needs: str | None = None
    kills: bool = False
    at_start: bool = False


KINDS = {
    "kill_one": Kind(kill_one, "SIGKILL of one process", 9, kills=True),
    "kill_group": Kind(kill_group, "SIGKILL of the group", 6, kills=True),
    "terminate": Kind(terminate, "SIGTERM", 3, kills=True),
    "interrupt": Kind(interrupt, "Ctrl-C", 3, kills=True),
    "interrupt_twice": Kind(interrupt_twice, "Ctrl-C twice", 3, kills=True),
    "stop": Kind(stop, "SIGSTOP, then SIGCONT", 1),
    "limit_memory": Kind(limit_memory, "memory limit of one process", 2, kills=True),
    "exhaust_memory": Kind(exhaust_memory, "out of memory", 2, GROUPS, kills=True),
    "fill_disk": Kind(fill_disk, "full disk", 3, DISK),
    "fill_inodes": Kind(fill_inodes, "full inodes", 2, DISK),
    "shrink_shared_memory": Kind(shrink_shared_memory, "/dev/shm of 4 KB", 1, DISK, at_start=True),
    "remove_storage": Kind(remove_storage, "storage disappears", 2),
    "start_another": Kind(start_another, "two commands at once", 2),
    "kill_server": Kind(kill_server, "server killed", 6, SERVER),
    "restart_server": Kind(restart_server, "server restarted", 4, SERVER),
    "slow_server": Kind(slow_server, "server slow", 4, SERVER),
    "set_back_clock": Kind(set_back_clock, "clock set back an hour", 8, CLOCK),
}


def _any_process(scene: Scene) -> psutil.Process:
    return scene.random.choice(scene.attempt.processes() or [psutil.Process(scene.attempt.top.pid)])


def _server(scene: Scene) -> Server:
    assert scene.server is not None
    return scene.server


def _lasting(scene: Scene, fill: Callable[[int], None]) -> str:
    """Fill again and again, because the command may delete files, until it ends or the outage is over."""
    end = time.monotonic() + scene.pace.outage
    number = 0
    while time.monotonic() < end:
        fill(number)
        number += 1
        if scene.attempt.wait(0.2):
            return "until the command ended"
    return f"for {scene.pace.outage:.0f} s"


def _write_free_bytes(file: Path) -> None:
    """Reserve all free bytes of the disk."""
    disk = os.statvfs(file.parent)
    with suppress(OSError), file.open("wb") as stream:
        if free := disk.f_bfree * disk.f_frsize:
            os.posix_fallocate(stream.fileno(), 0, free)


def _create_free_files(folder: Path, number: int) -> None:
    """Create empty files until no more can be created."""
    with suppress(OSError):
        for file in range(os.statvfs(folder).f_ffree + 1):
            (folder / f"{number}-{file}").touch()
