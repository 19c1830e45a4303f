"""Trainings in real processes. Each imports TensorFlow, so these tests are slow."""

import json
import pickle
import signal
import subprocess
import sys
import time
from collections import Counter
from multiprocessing import popen_forkserver
from pathlib import Path
from types import SimpleNamespace
from zipfile import ZipFile

import numpy as np
import psutil
import pytest

from pipeline.errors import UserError
from pipeline.storage.digests import write_digests
from pipeline.storage.files import existing, read_json, write_json
from pipeline.storage.folders import CheckpointFolder, ResultFolder
from pipeline.training import workers
from pipeline.training.workers import finish, train_side_by_side, worker_count


@pytest.fixture(scope="module")
def long(tasks):
    """A training that takes a few seconds."""
    return tasks(epochs=40)[0]


@pytest.fixture(scope="module")
def short(tasks):
    return tasks(epochs=2)[1]


@pytest.fixture(scope="module")
def side_by_side(long, short, outcome, tmp_path_factory):
    """The long training twice and the short one, in three processes at once: their outcomes and progress."""
    signs = []
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("side_by_side"))
        train_side_by_side([long, long, short], workers=3, on_progress=signs.append)
        return {task.replicate: outcome(task.result) for task in (long, short)}, signs


def holder(task):
    """The process that holds the lock of this task."""
    lock = str(CheckpointFolder.of(task.fingerprint).lock.resolve())
    (found,) = [
        child
        for child in psutil.Process().children(recursive=True)
        if lock in [file.path for file in child.open_files()]
    ]
    return found


def still_running(processes, *, patience):
    """The processes that do not end within this number of seconds."""

    def runs(process):
        try:
            return process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    end = time.monotonic() + patience
    while (running := [process for process in processes if runs(process)]) and time.monotonic() < end:
        time.sleep(0.1)
    return running


def test_two_processes_with_the_same_task_train_it_once(side_by_side, long, short):
    outcomes, signs = side_by_side
    epochs = Counter((sign.replicate, len(sign.history)) for sign in signs)
    assert epochs == Counter(
        [(long.replicate, epoch) for epoch in range(41)] + [(short.replicate, epoch) for epoch in range(3)]
    )
    assert outcomes[long.replicate].record["fingerprint"] == long.fingerprint


def test_finishing_measures_every_latency_and_exports_the_network_with_the_lowest_loss(project, tasks, monkeypatch):
    both = tasks(epochs=1)
    train_side_by_side(both, workers=1, on_progress=lambda progress: None)
    assert all(task.result.predicted for task in both)
    finish(both)
    losses = [read_json(task.result.record)["kept_loss"] for task in both]
    assert [task.result.exported for task in both] == [loss == min(losses) for loss in losses]
    seconds = [read_json(task.result.latency)["seconds_per_image"] for task in both]
    assert all(0 < one < 1 for one in seconds)

    monkeypatch.setattr(workers, "ProcessPoolExecutor", None)  # nothing is left to compute
    train_side_by_side([], workers=1, on_progress=lambda progress: None)
    finish(both)
    both[0].result.latency.write_text("", encoding="utf-8")
    assert not both[0].result.timed and both[1].result.timed


@pytest.mark.parametrize("damage", [lambda file: file.write_bytes(b"\0" * 30), Path.unlink], ids=["changed", "lost"])
def test_a_latency_and_a_network_that_are_made_again_are_those_of_the_result(project, monkeypatch, damage):
    result = ResultFolder(project / "results")
    write_json(result.record, {"kept_loss": 0.5})

    def work(_, items, **__):
        if not result.timed:
            write_json(result.latency, {"seconds_per_image": time.monotonic()})
        if not result.exported:
            with ZipFile(result.network, "w") as archive:
                archive.writestr("seconds", str(time.monotonic()))

    monkeypatch.setattr(workers, "_run_in_workers", work)
    write_digests(result.folder)
    finish([SimpleNamespace(result=result)])
    for file in (result.latency, result.network):
        damage(file)
        assert not (result.timed and result.exported)
        finish([SimpleNamespace(result=result)])
        assert result.timed and result.exported
        assert existing(file) == file


def test_a_killed_training_ends_where_an_uninterrupted_one_ends(project, side_by_side, long, short, outcome):
    outcomes, _ = side_by_side
    trained_by = []

    def kill(progress):
        if progress.replicate == long.replicate and len(progress.history) == 5:
            trained_by.append(holder(long))
            trained_by[0].kill()

    with pytest.raises(UserError, match=r"A training process was killed.*Run the same command again"):
        train_side_by_side([short, long], workers=1, on_progress=kill)
    assert not still_running(trained_by, patience=10)
    assert not long.result.finished
    assert outcome(short.result) == outcomes[short.replicate], (
        "what was finished stays, and is what it is beside others"
    )

    signs = []
    train_side_by_side([short, long], workers=1, on_progress=signs.append)
    assert {sign.replicate for sign in signs} == {long.replicate}
    first = len(signs[0].history)
    assert first > 5
    assert [len(sign.history) for sign in signs] == list(range(first, 41))
    assert outcome(long.result) == outcomes[long.replicate]


def test_an_error_in_a_worker_is_raised_in_the_main_process(project, tasks):
    with pytest.raises(UserError, match=r"`training\.batch_size` must be at most .* 42\. Received 43\."):
        train_side_by_side(tasks(batch_size=43)[:1], workers=1, on_progress=lambda progress: None)


PARENT = """
import pickle
from pathlib import Path
from pipeline.training.workers import train_side_by_side

print("started", flush=True)
train_side_by_side(
    pickle.loads(Path("tasks").read_bytes()),
    workers=1,
    on_progress=lambda progress: print(len(progress.history), flush=True),
)
"""


def test_workers_of_a_killed_process_end_and_their_checkpoint_remains(project, tasks):
    endless = tasks(epochs=100_000)[0]
    Path("tasks").write_bytes(pickle.dumps([endless]))
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as parent:
        try:
            while (line := parent.stdout.readline()) != "3\n":
                assert line, "the training ended before its time"
            children = psutil.Process(parent.pid).children(recursive=True)
        finally:
            parent.kill()
    assert children
    orphans = still_running(children, patience=30)
    for orphan in orphans:
        orphan.kill()
    assert not orphans
    with np.load(CheckpointFolder.of(endless.fingerprint).state) as state:
        assert len(json.loads(str(state["history"]))) >= 3


def test_an_interrupt_while_workers_start_ends_the_training(project, tasks):
    endless = tasks(epochs=100_000)[0]
    Path("tasks").write_bytes(pickle.dumps([endless]))
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", PARENT], text=True, **pipes) as parent:
        assert parent.stdout.readline() == "started\n"
        time.sleep(0.5)  # The workers wait for the import of TensorFlow, which takes seconds.
        children = psutil.Process(parent.pid).children(recursive=True)
        parent.send_signal(signal.SIGINT)
        stdout, stderr = parent.communicate(timeout=60)
    assert stdout == ""
    assert stderr.count("Traceback") == 1 and stderr.endswith("KeyboardInterrupt\n"), stderr
    assert children and not still_running(children, patience=30)


@pytest.mark.parametrize("problem", [EOFError, BrokenPipeError])
def test_a_fork_server_that_is_killed_while_it_starts_a_worker_is_a_killed_training(
    project, tasks, monkeypatch, problem
):
    def killed(*_):
        raise problem

    monkeypatch.setattr(popen_forkserver.forkserver, "read_signed", killed)
    with pytest.raises(UserError, match=r"A training process was killed, possibly because memory ran out"):
        train_side_by_side(tasks(epochs=2)[:1], workers=1, on_progress=lambda progress: None)


WITHOUT_THREADS = """
import pickle, threading, time
from pathlib import Path
from pipeline.cli import main
from pipeline.training.workers import train_side_by_side

start = threading.Thread.start

def refuse(thread):
    if (threading.current_thread() is threading.main_thread()) == {in_main_thread}:
        time.sleep(5)  # Until the workers wait for work.
        raise RuntimeError("can't start new thread")
    start(thread)

def run(arguments):
    threading.Thread.start = refuse
    train_side_by_side(pickle.loads(Path("tasks").read_bytes()), workers=2, on_progress=lambda progress: None)

main._run = run
main.main()
"""


@pytest.mark.parametrize("in_main_thread", [True, False])
def test_a_training_whose_pool_cannot_start_a_thread_ends_with_a_sentence(project, tasks, in_main_thread):
    """The pool's own thread, or the one with which that thread sends tasks to the workers."""
    Path("tasks").write_bytes(pickle.dumps(tasks(epochs=2)[:2]))
    program = WITHOUT_THREADS.format(in_main_thread=in_main_thread)
    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=90)
    assert process.returncode == 1
    assert process.stderr.startswith("convtrack: Memory ran out. ") and process.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("tasks", "threads", "wanted", "count"),
    [(4, 1, None, 4), (4, 2, None, 4), (4, 3, None, 2), (4, 16, None, 1), (2, 1, None, 2), (4, 1, 3, 3), (4, 1, 9, 4)],
)
def test_the_number_of_processes_is_cores_divided_by_threads(monkeypatch, tasks, threads, wanted, count):
    monkeypatch.setattr(workers, "gpus", tuple)
    monkeypatch.setattr(workers.joblib, "cpu_count", lambda: 8)
    assert worker_count(tasks, threads, wanted=wanted) == count


@pytest.mark.parametrize(("available", "count"), [(("0",), 1), (("0", "2"), 2), (tuple("01234"), 4)])
def test_one_process_trains_on_each_gpu(monkeypatch, available, count):
    monkeypatch.setattr(workers, "gpus", lambda: available)
    assert worker_count(4, 1, wanted=None) == count
