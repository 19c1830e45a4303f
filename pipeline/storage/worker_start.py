"""Start the processes of a pool, which Ctrl-C does not reach, and end them."""

from collections.abc import Iterator
from contextlib import contextmanager

from joblib.externals.loky.process_executor import BrokenProcessPool, ProcessPoolExecutor

from pipeline.storage.interrupts import interrupts_blocked


@contextmanager
def workers_starting() -> Iterator[None]:
    """Submit work to a pool in the block. Workers that start there never receive Ctrl-C.

    This process handles it when the block ends.

    Raises:
        BrokenProcessPool: a process was killed while a fork server started it, or the fork server itself was killed.
    """
    try:
        with interrupts_blocked():
            yield
    except (EOFError, ConnectionError) as problem:
        raise BrokenProcessPool("a process was killed while it started") from problem


def end_pool(pool: ProcessPoolExecutor, *, wait: bool = False) -> None:
    """Kill the workers of a pool. With `wait`, return after they have ended.

    A thread of the pool kills them. If that thread could not be started for lack of memory, they are killed here;
    otherwise this process would wait for them forever at its exit.
    """
    thread, workers = pool._executor_manager_thread, dict(pool._processes or {})
    running = thread is not None and thread.is_alive()
    pool.shutdown(wait=wait and running, kill_workers=True)
    if not running:
        for worker in workers.values():
            worker.kill()
            if wait:
                worker.join()
