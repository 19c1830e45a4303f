"""What is done to commands, tried on commands of one line."""

import os
import signal
import subprocess
import sys
import time
from random import Random

import pytest

from torture import violence
from torture.attempt import Attempt, end_processes, processes_of, shown_process
from torture.commands import COMMANDS, Command
from torture.control_group import can_control
from torture.own_clock import COMPILER, OwnClock
from torture.rounds import HANGING, Plan, _Repeated
from torture.violence import KINDS, Kind, Pace, Scene
from torture.workspace import Workspace, disk_available


@pytest.fixture
def space(tmp_path):
    """A workspace without a disk of its own, whose processes end with the test."""
    made = Workspace(tmp_path / "round", on_disk=False)
    for folder in (made.project, made.temporary):
        folder.mkdir(parents=True)
    return made


@pytest.fixture
def started(space, tmp_path):
    """Return a function that starts a command, which ends with the test."""
    attempts = []

    def start(*command):
        attempts.append(Attempt(space, command, tmp_path / "log.txt"))
        return attempts[-1]

    yield start
    end_processes(space, 0)
    for attempt in attempts:
        attempt.wait(20)


@pytest.fixture
def scene(started, tmp_path):
    """A scene whose command sleeps."""
    attempt = started(sys.executable, "-c", "import time; print('ready', flush=True); time.sleep(60)")
    end = time.monotonic() + 20
    while "ready" not in attempt.output and time.monotonic() < end:
        time.sleep(0.05)
    scene = Scene(attempt, Random(0), Pace(stopped=0.2, outage=0.5), tmp_path)
    yield scene
    end_processes(attempt.space, 0)
    for other in scene.others:
        other.wait(20)


@pytest.mark.parametrize(
    ("kind", "number"),
    [
        ("kill_one", signal.SIGKILL),
        ("kill_group", signal.SIGKILL),
        ("terminate", signal.SIGTERM),
        ("interrupt", signal.SIGINT),
        ("interrupt_twice", signal.SIGINT),
    ],
)
def test_a_signal_ends_the_command(scene, kind, number):
    KINDS[kind].act(scene)
    assert scene.attempt.wait(20)
    assert scene.attempt.code == -number


def test_a_stopped_command_continues(scene):
    KINDS["stop"].act(scene)
    assert scene.attempt.code is None
    assert [process.status() for process in processes_of(scene.attempt.space)] == ["sleeping"]


def test_a_process_that_has_lost_its_parent_is_found_and_ended(space, started):
    attempt = started("sh", "-c", "sleep 61 & exit")
    assert attempt.wait(20)
    end = time.monotonic() + 20
    while [shown_process(one) for one in processes_of(space)] != ["sleep 61"] and time.monotonic() < end:
        time.sleep(0.05)  # The shell's copy has not become `sleep` yet.
    assert end_processes(space, 0) == ["sleep 61"]
    assert processes_of(space) == []


def test_a_second_command_runs_at_the_same_time(scene):
    KINDS["start_another"].act(scene)
    assert len(processes_of(scene.attempt.space)) == 2
    assert len(scene.others) == 1


def test_a_storage_returns_as_it_was(scene):
    file = scene.attempt.space.project / ".convtrack/results/a"
    file.parent.mkdir(parents=True)
    file.write_text("kept")
    KINDS["remove_storage"].act(scene)
    assert file.read_text() == "kept"


def test_a_full_disk_and_full_inodes_refuse_files_until_the_act_ends(scene, tmp_path, monkeypatch):
    if not disk_available(tmp_path):
        pytest.skip("only root can mount a small disk")
    folder = scene.attempt.space.folder
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,nr_inodes=50", "tmpfs", str(folder)], check=True)
    refused = []
    monkeypatch.setattr(scene.attempt, "wait", lambda seconds: refused.append(_refuses(folder)) or True)
    try:
        KINDS["fill_disk"].act(scene)
        KINDS["fill_inodes"].act(scene)
        assert refused == [True, True]
        assert not _refuses(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _refuses(folder):
    """Whether the disk refuses a file with one block."""
    try:
        (folder / "probe").write_bytes(bytes(4096))
    except OSError:
        return True
    finally:
        (folder / "probe").unlink(missing_ok=True)
    return False


def test_a_small_shared_memory_is_only_that_of_the_command(space, tmp_path):
    if not disk_available(tmp_path):
        pytest.skip("only root can mount a small disk")
    own = Workspace(space.folder, on_disk=True)
    before = os.statvfs("/dev/shm").f_blocks
    program = "import os, time; time.sleep(1); print(os.statvfs('/dev/shm').f_blocks)"
    attempt = Attempt(own, (sys.executable, "-c", program), tmp_path / "log.txt")
    assert violence.shrink_shared_memory(Scene(attempt, Random(0), Pace(1, 1), tmp_path)) == "from the start"
    assert attempt.wait(20)
    assert attempt.output == "1\n"
    assert os.statvfs("/dev/shm").f_blocks == before


def test_the_kernel_kills_a_process_without_memory(started, tmp_path):
    if not can_control():
        pytest.skip("this machine allows no new control groups")
    program = "import time; time.sleep(1); x = [bytearray(2**20) for _ in range(200)]; time.sleep(60)"
    attempt = started(sys.executable, "-c", program)
    scene = Scene(attempt, Random(0), Pace(stopped=1, outage=20), tmp_path)
    assert violence.exhaust_memory(scene) == "the kernel killed a process"
    assert attempt.wait(20)
    assert attempt.code == -signal.SIGKILL


@pytest.mark.skipif(COMPILER is None, reason="no C compiler is installed")
def test_the_clock_of_a_running_command_goes_back_and_its_sleeps_and_waits_last_as_long_as_before(tmp_path):
    program = """
import multiprocessing, time
print(time.time(), flush=True)
input()
begin = time.monotonic()
time.sleep(0.2)
multiprocessing.Semaphore(0).acquire(timeout=0.3)
print(time.time(), time.monotonic() - begin)
"""
    clock = OwnClock(tmp_path)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, env=os.environ | clock.environment, **pipes) as process:
        before = float(process.stdout.readline())
        KINDS["set_back_clock"].act(Scene(None, Random(0), Pace(1, 1), tmp_path, clock=clock))
        after, lasted = map(float, process.communicate("\n")[0].split())
    assert -3600 < after - before < -3500
    assert 0.5 <= lasted < 60


@pytest.mark.parametrize(
    ("program", "problems"),
    [
        ("echo 'convtrack: Mend it.'; exit 1", ["the command never succeeds: convtrack: Mend it."]),
        ("echo 'Traceback (most recent call last)'; exit 0", ["traceback: Traceback (most recent call last)"]),
        ("exit 0", []),
    ],
)
def test_a_command_that_fails_again_and_again_or_prints_a_traceback_is_a_problem(
    space, tmp_path, monkeypatch, program, problems
):
    monkeypatch.setitem(COMMANDS, "experiment", _command(program))
    plan = Plan("experiment", [], served=False, own_clock=False)
    repeated = _Repeated(plan, Random(0), space, tmp_path, HANGING, Pace(1, 1), None, None)
    repeated.until_success()
    assert repeated.problems == problems


def test_what_happens_at_the_start_of_a_command_waits_for_the_next_start(space, tmp_path, monkeypatch):
    monkeypatch.setitem(
        COMMANDS, "experiment", _command("[ -e started ] && sleep 2 && exit 0; touch started; sleep 20")
    )
    monkeypatch.setitem(KINDS, "shrink_shared_memory", Kind(lambda scene: "", "", 1, at_start=True))
    kinds = ["start_another", "shrink_shared_memory", "kill_group"]
    plan = Plan("experiment", kinds, served=False, own_clock=False)
    repeated = _Repeated(plan, Random(0), space, tmp_path, 1, Pace(1, 1), None, None)
    repeated.until_success()
    assert [(act.kind, act.start) for act in repeated.acts] == [
        ("start_another", 0),
        ("kill_group", 0),
        ("shrink_shared_memory", 1),
    ]


def test_a_failure_without_a_sentence_is_a_problem(space, tmp_path, monkeypatch):
    monkeypatch.setitem(COMMANDS, "experiment", _command("echo oh; exit 3"))
    plan = Plan("experiment", [], served=False, own_clock=False)
    repeated = _Repeated(plan, Random(0), space, tmp_path, HANGING, Pace(1, 1), None, None)
    repeated.until_success()
    assert repeated.problems[0] == "exit code 3 without a sentence: oh"


def _command(program):
    return Command(("sh", "-c", program), 1)
