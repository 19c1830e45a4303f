"""Protect a block from Ctrl-C and SIGTERM: an interrupted database call may lose the signal or leave a lock behind."""

import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

PATIENCE = 1.0
"""Seconds in which a second signal counts as the same request, as when a terminal and `dvc` both send one."""

INTERRUPTED = 128 + signal.SIGINT
"""The exit code of an interrupted command, as shells count it."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_deferring = False


def repeat_lost_interrupt(lost: Any) -> None:
    """As `sys.unraisablehook`: raise a KeyboardInterrupt again that Python has caught in a finalizer or a callback."""
    if not issubclass(lost.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(lost)
        return
    # From another thread, and later: here, Python would catch it again. No thread can start while Python ends.
    with suppress(RuntimeError):
        threading.Timer(0.01, signal_main_thread, [signal.SIGINT]).start()


def signal_main_thread(number: signal.Signals) -> None:
    """Send a signal to the main thread, which then handles it even if it waits for something."""
    main = threading.main_thread().ident
    assert main is not None
    signal.pthread_kill(main, number)


@contextmanager
def deferred_interrupts() -> Iterator[None]:
    """Let a SIGINT or SIGTERM take effect when the block ends. A second one after `PATIENCE` takes effect at once.

    Only signals that have a Python handler are deferred, and only in the main thread, which receives them.
    """
    global _deferring
    if _deferring or threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers = {number: signal.getsignal(number) for number in _SIGNALS}
    received: list[int] = []
    first = 0.0
    ended = False

    def handle(number: int) -> None:
        handler = handlers[signal.Signals(number)]
        assert callable(handler)
        handler(number, None)

    def defer(number: int, frame: object) -> None:
        nonlocal first
        received.append(number)
        if len(received) == 1:
            first = time.monotonic()
        # A signal that arrives while the handlers are being restored must not be lost either.
        if ended or time.monotonic() - first > PATIENCE:
            handle(number)

    _deferring = True
    try:
        for number, handler in handlers.items():
            if callable(handler):
                signal.signal(number, defer)
        yield
    finally:
        ended = True
        _deferring = False
        for number, handler in handlers.items():
            if callable(handler):
                signal.signal(number, handler)
        # Also after a second signal, because the block may have swallowed its exception.
        if received:
            handle(received[0])


@contextmanager
def interrupts_blocked() -> Iterator[None]:
    """Ctrl-C does not reach processes that start in the block; this process handles it after the block."""
    # `convtrack` imports this module before it handles Ctrl-C, and this import takes long.
    from multiprocessing import resource_tracker

    # Its start would end the blocking.
    resource_tracker.ensure_running()
    received: list[int] = []
    # Another thread of this process may receive the signal, and Python would handle it in the block.
    handler = signal.signal(signal.SIGINT, lambda number, frame: received.append(number))
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        signal.signal(signal.SIGINT, handler)
        if received:
            signal.raise_signal(signal.SIGINT)
