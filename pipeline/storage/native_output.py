"""Discard what libraries that are not written in Python print."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock

_lock = RLock()
"""The standard error belongs to all threads: two that exchange it at the same time would lose it."""


@contextmanager
def native_errors_discarded() -> Iterator[None]:
    """Discard everything that the process writes to its standard error within the block."""
    with _lock:
        sys.stderr.flush()
        kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, 2)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            os.close(nowhere)
