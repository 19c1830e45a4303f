"""A process that has imported TensorFlow, of which workers are copies: an import takes seconds, a fork milliseconds."""

import gc
import multiprocessing
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from multiprocessing import forkserver

from pipeline.storage.interrupts import interrupts_blocked
from pipeline.training.devices import gpus
from pipeline.training.runtime import start_tensorflow


def can_fork() -> bool:
    """Whether workers can be copies of a process with TensorFlow.

    Outside Linux, libraries that TensorFlow uses do not survive a fork. On GPUs, nothing is known.
    """
    return sys.platform == "linux" and not gpus()


def start_fork_server(module: str) -> None:
    """Start the process that imports a module, and return at once; a process has at most one fork server."""
    multiprocessing.set_forkserver_preload([module])
    with interrupts_blocked():
        forkserver.ensure_running()


def preload(modules: Sequence[str]) -> None:
    """Import TensorFlow and these modules, for the module that a fork server imports."""
    # Already blocked, unless the pool itself has replaced a fork server that was killed.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    with suppress(Exception):  # A worker meets the same error and reports it.
        start_tensorflow()
        for module in modules:
            import_module(module)
    # The garbage collector of a worker would otherwise copy the shared memory by writing to it.
    gc.collect()
    gc.freeze()
