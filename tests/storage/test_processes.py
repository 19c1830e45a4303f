import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from unittest.mock import Mock

import psutil
import pytest

from pipeline.storage import processes
from pipeline.storage.processes import INITIAL_NAMESPACE, is_gone, is_local, process_id, this_process
from tests.storage.containers import UNSHARE, in_container

NAME = ("-c", "from pipeline.storage.processes import this_process; print(this_process(), flush=True); input()")

linux = pytest.mark.skipif(sys.platform != "linux", reason="other systems have no boot id and no PID namespaces")


def changed(name: str, **facts: str) -> str:
    for fact, value in facts.items():
        name, count = re.subn(rf"\b{fact}=[^ ]*", f"{fact}={value}", name)
        assert count == 1
    return name


@pytest.fixture
def machine(monkeypatch):
    """Return a function that changes the facts of this process; it starts outside of containers on a known machine."""
    own = changed(this_process(), pidns=INITIAL_NAMESPACE, machine="5eed")

    def become(**facts):
        monkeypatch.setattr(processes, "_name", lambda pid: changed(own, **facts))
        return this_process()

    become()
    return become


@pytest.fixture
def other():
    """Another process that waits."""
    with subprocess.Popen([sys.executable, *NAME], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as started:
        yield started
        started.kill()


def test_a_process_is_gone_when_it_has_ended_even_if_nobody_has_waited_for_it(other):
    name = other.stdout.readline().strip()
    assert process_id(name) == other.pid
    assert is_local(name) and not is_gone(name)
    other.kill()
    while psutil.Process(other.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    assert is_gone(name)
    other.wait()
    assert is_gone(name)


def test_a_stopped_process_is_not_gone(other):
    name = other.stdout.readline().strip()
    os.kill(other.pid, signal.SIGSTOP)
    assert not is_gone(name)


@linux
def test_a_reused_pid_is_another_process():
    assert is_gone(changed(this_process(), start="1"))


@linux
def test_a_changed_clock_does_not_end_a_process(monkeypatch):
    name = this_process()
    moved = psutil.Process().create_time() + 3600
    monkeypatch.setattr(psutil.Process, "create_time", lambda process: moved)
    processes._name.cache_clear()
    assert this_process() == name
    assert not is_gone(name)


@linux
def test_a_process_in_another_container_cannot_be_looked_up_by_its_pid():
    name = changed(this_process(), pidns="4026532999", start="1")
    assert not is_local(name) and not is_gone(name)


@linux
def test_a_host_name_that_changes_or_is_shared_makes_no_difference():
    name = this_process()
    rest = name.partition(" ")[2]
    assert is_local(f"renamed {rest}") and not is_gone(f"renamed {rest}")
    assert not is_local(changed(name, boot="another"))


@linux
def test_a_process_from_before_a_restart_of_the_machine_is_gone(machine):
    before = machine(boot="before")
    machine(boot="after")
    assert is_gone(before) and not is_local(before)


@linux
@pytest.mark.parametrize("facts", [{"machine": "another"}, {"machine": ""}, {"pidns": "4026532999"}])
def test_a_process_of_another_boot_is_gone_only_if_it_was_on_this_machine_outside_of_containers(machine, facts):
    before = machine(boot="before", **facts)
    machine(boot="after", **({"machine": ""} if facts == {"machine": ""} else {}))
    assert not is_gone(before)
    assert not is_gone(before.replace(before.split()[0], "another", 1))


@linux
def test_a_process_that_proc_hides_is_gone_only_if_no_other_user_has_one_of_its_pid(machine, monkeypatch):
    name = this_process()
    monkeypatch.setattr(processes, "_state_and_start", lambda stat: Path("/proc/missing").read_text())
    monkeypatch.setattr(os, "kill", Mock(side_effect=ProcessLookupError))
    assert is_gone(name)
    monkeypatch.setattr(os, "kill", Mock(side_effect=PermissionError))
    assert not is_gone(name)


@pytest.mark.parametrize(
    "name", ["", "host", "host x 1", "host ² 1", "host -1", "elsewhere 1 1", "host 1 boot=", "a b=c"]
)
def test_other_texts_and_names_of_other_machines_are_not_gone(name):
    assert not is_gone(name)
    assert not is_local(name)


def test_names_of_earlier_versions_are_read():
    host, now = this_process().split()[0], psutil.Process()
    assert not is_gone(f"{host} {now.pid} {now.create_time():.0f}")
    assert is_gone(f"{host} {now.pid} 1") and is_gone(f"{host} {1 << 22} 1")
    assert process_id(f"{host} 17 1") == 17


def test_a_name_of_a_program_cannot_be_mistaken_for_the_fields_of_a_process(tmp_path):
    (tmp_path / "stat").write_text("7 (a) S 1 (b) R " + " ".join(map(str, range(4, 53))))
    assert processes._state_and_start(tmp_path / "stat") == ("R", "22")


@linux
def test_processes_with_the_same_number_in_two_containers_do_not_stand_for_each_other():
    ask = (
        "import sys; from pipeline.storage.processes import *; from pipeline.storage.processes import this_process;"
        "print(this_process()); print([(is_local(name), is_gone(name)) for name in sys.argv[1:]])"
    )
    first = in_container(sys.executable, "-c", ask, this_process()).splitlines()
    assert first[1] == "[(False, False)]"
    second = in_container(sys.executable, "-c", ask, first[0]).splitlines()
    assert second[1] in ("[(False, False)]", "[(True, True)]")  # Linux may give the namespace the number of the first.
    assert process_id(first[0]) == process_id(second[0])
    assert first[0] != second[0]
    assert not is_local(first[0]) and not is_gone(first[0])


SIGN = (
    "import os, sys; from pipeline.storage.processes import leave_sign, this_process; leave_sign();"
    "print(this_process(), flush=True); sys.stdin.read(); os._exit(9)"
)


@linux
def test_a_process_in_another_container_that_leaves_its_sign_is_gone_when_it_has_been_killed(tmp_path, monkeypatch):
    in_container("true")
    monkeypatch.chdir(tmp_path)
    command = [*UNSHARE, sys.executable, "-c", SIGN]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        name = other.stdout.readline().strip()
        assert not is_local(name) and not is_gone(name)
        other.communicate("")
    assert is_gone(name)


@linux
def test_signs_of_killed_processes_are_removed_by_the_next_process_unless_it_needs_them(tmp_path):
    killed = [sys.executable, "-c", SIGN]
    subprocess.run(killed, cwd=tmp_path, input=b"", check=False)
    in_container(*killed, cwd=tmp_path, code=9)
    folder = tmp_path / ".convtrack/processes"
    (folder / "of-a-full-disk").touch()
    assert len([*folder.iterdir()]) == 3
    with subprocess.Popen(killed, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        running.stdout.readline()
        (own,) = subprocess.run(
            killed, cwd=tmp_path, input=b"", stdout=subprocess.PIPE, check=False
        ).stdout.splitlines()
        left = {sign.read_text() for sign in folder.iterdir()}
        assert len(left) == 3 and own.decode() in left
        running.communicate(b"")


@linux
def test_a_process_that_ends_removes_the_signs_of_its_killed_workers(tmp_path):
    worker = f"import subprocess; subprocess.run([sys.executable, '-c', {SIGN!r}], input=b'', check=False)"
    parent = f"{SIGN.partition('print(')[0]} {worker}; print(len(os.listdir('.convtrack/processes')))"
    done = subprocess.run([sys.executable, "-c", parent], cwd=tmp_path, stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "2"
    assert not any((tmp_path / ".convtrack/processes").iterdir())


@linux
def test_a_sign_is_removed_when_its_process_ends_and_says_nothing_about_others(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    in_container(sys.executable, "-c", SIGN.replace("os._exit(9)", "sys.exit()"), cwd=tmp_path)
    assert not any((tmp_path / ".convtrack/processes").iterdir())
    name = changed(this_process(), pidns="4026532999")
    assert not is_gone(name)
    sign = processes._sign(changed(name, boot="another"))
    sign.touch()
    assert not is_gone(changed(name, boot="another"))


def test_a_worker_without_memory_for_a_thread_ends_at_once(monkeypatch):
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    ended = []
    monkeypatch.setattr(threading.Thread, "start", refuse)
    monkeypatch.setattr(processes, "end_at_once", lambda: ended.append(True))
    processes.end_with_parent()
    assert ended == [True]
