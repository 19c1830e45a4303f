"""Start the processes of a pool, which Ctrl-C does not reach, and end them."""

from collections.abc import Iterator
from contextlib import contextmanager

from joblib.externals.loky.process_executor import BrokenProcessPool, ProcessPoolExecutor

from pipeline.storage.interrupts import interrupts_blocked


@contextmanager
def workers_starting() -> Iterator[None]:
    """Submit work of a pool in the block: a worker that starts there never gets a Ctrl-C, which is raised at the end.

    Raises:
        BrokenProcessPool: a process was killed while a fork server started it, or the fork server was.
    """
    try:
        with interrupts_blocked():
            yield
    except (EOFError, ConnectionError) as problem:
        raise BrokenProcessPool("a process was killed while it started") from problem


def end_pool(pool: ProcessPoolExecutor, *, wait: bool = False) -> None:
    """End a pool and its workers at once; `wait` until they have ended.

    A thread of the pool does that. If there was no memory for it, its workers would live as long as this process, which
    would wait for them when it exits.
    """
    thread, workers = pool._executor_manager_thread, dict(pool._processes or {})
    pool.shutdown(wait=wait, kill_workers=True)
    if thread is None or not thread.is_alive():
        for worker in workers.values():
            worker.kill()
