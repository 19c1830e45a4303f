"""Train several replicates in parallel, each in its own process with its own threads."""

import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from multiprocessing.connection import wait as wait_for_sentinel
from typing import Any

import joblib
from joblib.externals.loky.process_executor import BrokenProcessPool, ProcessPoolExecutor

from pipeline.errors import UserError
from pipeline.training.devices import gpus
from pipeline.training.task import OnProgress, Task

_outbox: Any = None


def worker_count(tasks: int, threads: int, *, wanted: int | None) -> int:
    """Return the number of parallel processes: one per GPU, else as many as the cores allow with `threads` each."""
    if wanted is not None:
        return max(1, min(tasks, wanted))
    return max(1, min(tasks, len(gpus()) or joblib.cpu_count() // threads))


def train_side_by_side(tasks: Sequence[Task], *, workers: int, on_progress: OnProgress) -> None:
    """Train all tasks in `workers` processes, and call `on_progress` in this process with their progress.

    The workers end with this process, even if it is killed. Their checkpoints remain.

    Raises:
        UserError: a training failed, or a worker was killed.
    """
    context = multiprocessing.get_context("spawn")
    inbox = context.Queue()
    devices = context.Queue()
    available = gpus()
    # One for each worker, and for each replacement: the pool replaces a worker that holds much memory after a task.
    for worker in range(workers + len(tasks)):
        devices.put(available[worker % len(available)] if available else None)
    executor = ProcessPoolExecutor(workers, context=context, initializer=_start_worker, initargs=(inbox, devices))
    # This process handles Ctrl-C. The workers inherit the setting that ignores it.
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    running: set[Future[None]] = {executor.submit(_run, task) for task in tasks}
    signal.signal(signal.SIGINT, handler)
    try:
        while running:
            _deliver(inbox, on_progress)
            done, running = wait(running, timeout=0, return_when=FIRST_COMPLETED)
            for future in done:
                future.result()
        _deliver(inbox, on_progress)
    except BrokenProcessPool as problem:
        raise UserError(
            "A training process was killed, possibly because memory ran out. Run the same command again to resume from "
            "the last finished epoch; `workers: 1` in conf/config.yaml trains one replicate at a time."
        ) from problem
    finally:
        executor.shutdown(wait=False, kill_workers=True)


def _deliver(inbox: Any, on_progress: OnProgress) -> None:
    while True:
        try:
            progress = inbox.get(timeout=0.2)
        except queue.Empty:
            return
        on_progress(progress)


def _start_worker(inbox: Any, devices: Any) -> None:
    global _outbox
    _outbox = inbox
    device = devices.get()
    if device is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = device
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait_for_sentinel([parent.sentinel])
        os._exit(1)


def _run(task: Task) -> None:
    from pipeline.training.runtime import start_tensorflow

    start_tensorflow(task.training.threads)
    from pipeline.training.replicate import train_replicate

    train_replicate(task, _outbox.put)
