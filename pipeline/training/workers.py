"""Train several replicates side by side, each in a process with its own threads."""

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
    """How many processes train side by side: one per GPU, else as many as the cores feed with `threads` each."""
    if wanted is not None:
        return max(1, min(tasks, wanted))
    return max(1, min(tasks, len(gpus()) or joblib.cpu_count() // threads))


def train_side_by_side(tasks: Sequence[Task], *, workers: int, on_progress: OnProgress) -> None:
    """Train every task in `workers` processes and hand their signs of life to `on_progress` in this one.

    The processes end with this one, however it ends; what they had reached is in their checkpoints.

    Raises:
        UserError: a training failed, or a process was killed.
    """
    context = multiprocessing.get_context("spawn")
    inbox = context.Queue()
    devices = context.Queue()
    available = gpus()
    # One for each worker, and for each that the pool replaces: it does so after a training that left much memory taken.
    for worker in range(workers + len(tasks)):
        devices.put(available[worker % len(available)] if available else None)
    executor = ProcessPoolExecutor(workers, context=context, initializer=_start_worker, initargs=(inbox, devices))
    # Ctrl-C is this process' to answer; the workers inherit that they ignore it.
    answer = signal.signal(signal.SIGINT, signal.SIG_IGN)
    running: set[Future[None]] = {executor.submit(_run, task) for task in tasks}
    signal.signal(signal.SIGINT, answer)
    try:
        while running:
            _deliver(inbox, on_progress)
            done, running = wait(running, timeout=0, return_when=FIRST_COMPLETED)
            for future in done:
                future.result()
        _deliver(inbox, on_progress)
    except BrokenProcessPool as problem:
        raise UserError(
            "A training process was killed, perhaps for want of memory: `workers: 1` in conf/config.yaml trains one "
            "after the other. The same command goes on from the last finished epoch."
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
