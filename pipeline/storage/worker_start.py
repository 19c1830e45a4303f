"""Start the processes of a pool, which Ctrl-C does not reach."""

from collections.abc import Iterator
from contextlib import contextmanager

from joblib.externals.loky.process_executor import BrokenProcessPool

from pipeline.storage.interrupts import interrupts_blocked


@contextmanager
def workers_starting() -> Iterator[None]:
    """Submit the first work of a pool in the block: its workers start there, and a Ctrl-C is raised at its end.

    Raises:
        BrokenProcessPool: a process was killed while it started, or the fork server that starts it.
    """
    try:
        with interrupts_blocked():
            yield
    except (EOFError, ConnectionError) as problem:
        raise BrokenProcessPool("a process was killed while it started") from problem
