"""Train several replicates in parallel, each in its own process with its own threads."""

import multiprocessing
import os
import queue
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Any

import joblib
from joblib.externals.loky.process_executor import BrokenProcessPool, ProcessPoolExecutor

from pipeline.errors import UserError
from pipeline.storage.digests import add_digests
from pipeline.storage.processes import end_with_parent
from pipeline.storage.worker_start import end_pool, workers_starting
from pipeline.training.devices import gpus
from pipeline.training.fork_server import can_fork, start_fork_server
from pipeline.training.task import OnProgress, Task, best

_outbox: Any = None


def worker_count(tasks: int, threads: int, *, wanted: int | None) -> int:
    """Return the number of parallel processes: one per GPU, else as many as the cores allow with `threads` each."""
    if wanted is not None:
        return max(1, min(tasks, wanted))
    return max(1, min(tasks, len(gpus()) or joblib.cpu_count() // threads))


def prepare_workers() -> None:
    """Begin to import TensorFlow in the process that workers are copies of, where that is possible; do not wait."""
    if can_fork():
        start_fork_server("pipeline.training.preload")


def train_side_by_side(tasks: Sequence[Task], *, workers: int, on_progress: OnProgress) -> None:
    """Train all tasks that are not trained, and predict their test and validation images, in `workers` processes.

    `on_progress` is called in this process with the progress of the trainings. The workers end with this process, even
    if it is killed. Their checkpoints remain.

    Raises:
        UserError: a training failed, or a worker was killed.
    """
    _run_in_workers(_train, tasks, workers=workers, on_progress=on_progress)


def finish(tasks: Sequence[Task]) -> None:
    """Measure the latency of one network's trained tasks, and export the best, unless their results have both.

    This runs in one worker, when no other one of this process computes. The best has the lowest validation loss.

    Raises:
        UserError: a result is damaged, or the worker was killed.
    """
    written = [task.result.latency for task in tasks if not task.result.timed]
    if not best(tasks).result.exported:
        written.append(best(tasks).result.network)
    if written:
        _run_in_workers(_finish, [tasks], workers=1, on_progress=lambda progress: None)
    for task in tasks:
        add_digests(task.result.folder, written=written)


def _run_in_workers(
    work: Callable[[Any], None], items: Sequence[Any], *, workers: int, on_progress: OnProgress
) -> None:
    if not items:
        return
    prepare_workers()
    context = multiprocessing.get_context("forkserver" if can_fork() else "spawn")
    inbox = context.Queue()
    devices = context.Queue()
    available = gpus()
    # One for each worker, and for each replacement: the pool replaces a worker that holds much memory after a task.
    for worker in range(workers + len(items)):
        devices.put(available[worker % len(available)] if available else None)
    executor = ProcessPoolExecutor(workers, context=context, initializer=_start_worker, initargs=(inbox, devices))
    running: set[Future[None]] = set()
    try:
        with workers_starting():
            running |= {executor.submit(work, item) for item in items}
        deliver_until_done(running, inbox, on_progress)
    except BrokenProcessPool as problem:
        raise UserError(
            "A training process was killed, possibly because memory ran out. Run the same command again to resume from "
            "the last finished epoch; `workers: 1` in conf/config.yaml trains one replicate at a time."
        ) from problem
    finally:
        end_pool(executor)


def deliver_until_done(running: set[Future[None]], inbox: Any, on_progress: OnProgress) -> None:
    """Call `on_progress` with what arrives in the queue `inbox`, until all futures are done; raise their exceptions."""
    while running:
        _deliver(inbox, on_progress)
        done, running = wait(running, timeout=0, return_when=FIRST_COMPLETED)
        for future in done:
            future.result()
    _deliver(inbox, on_progress)


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
    end_with_parent()


def _train(task: Task) -> None:
    from pipeline.training.runtime import start_tensorflow

    start_tensorflow(task.training.threads)
    from pipeline.training.predict import predict_task
    from pipeline.training.replicate import train_replicate

    train_replicate(task, _outbox.put)
    if not task.result.predicted:
        predict_task(task)
        add_digests(task.result.folder, written=[task.result.outputs])


def _finish(tasks: Sequence[Task]) -> None:
    from pipeline.training.runtime import start_tensorflow

    start_tensorflow(tasks[0].training.threads)
    from pipeline.training.export import export_network
    from pipeline.training.latency import measure_latency

    if unmeasured := [task for task in tasks if not task.result.timed]:
        measure_latency(unmeasured)
    if not best(tasks).result.exported:
        export_network(best(tasks))
