"""Where replicates train in parallel: in processes of this machine, or on the nodes of a Ray cluster."""

import multiprocessing
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Protocol

from joblib.externals.loky.process_executor import BrokenProcessPool, ProcessPoolExecutor

from pipeline.config.schema import RayConfig, Workers
from pipeline.errors import UserError
from pipeline.storage.worker_start import end_pool, workers_starting
from pipeline.training import ray_driver
from pipeline.training.task import OnProgress, Task
from pipeline.training.workers import deliver_until_done, prepare_workers, train_side_by_side, worker_count


class TrainingPool(Protocol):
    """Trains replicates in parallel."""

    def parallel(self, trainings: int, threads: int) -> int:
        """Return how many of so many trainings with `threads` each run at the same time."""

    def train(self, tasks: Sequence[Task], *, on_progress: OnProgress) -> None:
        """Train all tasks that are not trained, and predict their test and validation images.

        `on_progress` is called in this process with the progress of the trainings. The trainings end with this process,
        even if it is killed. Their checkpoints remain.

        Raises:
            UserError: a training failed, or a process was killed.
        """


@contextmanager
def training_pool(workers: Workers, ray: RayConfig, *, needed: bool = True) -> Iterator[TrainingPool]:
    """Yield the pool that the configuration chooses; it ends with the block.

    It starts at once, without waiting, unless it is not `needed`.
    """
    if workers != "ray":
        if needed:
            prepare_workers()
        yield LocalPool(workers)
        return
    pool = RayPool(ray.address)
    try:
        if needed:
            pool.start()
        yield pool
    finally:
        pool.close()


class LocalPool:
    """Processes of this machine, `wanted` of them or as many as it allows."""

    def __init__(self, wanted: int | None) -> None:
        """Start nothing yet."""
        self._wanted = wanted

    def parallel(self, trainings: int, threads: int) -> int:
        """Return how many of so many trainings with `threads` each run at the same time."""
        return worker_count(trainings, threads, wanted=self._wanted)

    def train(self, tasks: Sequence[Task], *, on_progress: OnProgress) -> None:
        """Train all tasks that are not trained, and predict their images."""
        if tasks:
            threads = max(task.training.threads for task in tasks)
            train_side_by_side(tasks, workers=self.parallel(len(tasks), threads), on_progress=on_progress)


class RayPool:
    """The nodes of the Ray cluster at an address; a process of its own is connected to it."""

    def __init__(self, address: str) -> None:
        """Start nothing yet."""
        self._address = address
        self._executor: Any = None
        self._inbox: Any = None

    def start(self) -> None:
        """Start the process that connects to the cluster, and do not wait for the connection."""
        # Not a copy of a process with TensorFlow, which the driver does not need.
        context = multiprocessing.get_context("spawn")
        self._inbox = context.Queue()
        self._executor = ProcessPoolExecutor(
            1, context=context, initializer=ray_driver.start_driver, initargs=(self._inbox,)
        )
        with workers_starting():
            self._connected = self._executor.submit(ray_driver.connect, self._address)

    def parallel(self, trainings: int, threads: int) -> int:
        """Return how many of so many trainings with `threads` each run at the same time."""
        return max(1, min(trainings, self._result(ray_driver.slots, threads))) if trainings else 1

    def train(self, tasks: Sequence[Task], *, on_progress: OnProgress, predict: bool = True) -> None:
        """Train all tasks that are not trained, and `predict` their images; trained ones are predicted here."""
        trained = [task for task in tasks if task.result.finished]
        if predict:
            LocalPool(None).train(trained, on_progress=on_progress)
        if untrained := [task for task in tasks if task not in trained]:
            self._result(partial(ray_driver.train, predict=predict), untrained, on_progress=on_progress)

    def close(self) -> None:
        """End the process, and with it everything that it runs on the cluster."""
        if self._executor is not None:
            end_pool(self._executor)

    def _result(self, work: Any, argument: Any, *, on_progress: OnProgress = lambda progress: None) -> Any:
        if self._executor is None:
            self.start()
        try:
            self._connected.result()
            future = self._executor.submit(work, argument)
            deliver_until_done({future}, self._inbox, on_progress)
            return future.result()
        except (BrokenProcessPool, OSError) as problem:
            # Ray raises an OSError without a number if its own connection breaks before it ends the driver.
            if isinstance(problem, OSError) and problem.errno is not None:
                raise
            raise UserError(
                f"The Ray cluster at {self._address} no longer responds. Start it and run the same command again; "
                "finished trainings are kept, and the others continue from the checkpoints that have arrived here."
            ) from None
