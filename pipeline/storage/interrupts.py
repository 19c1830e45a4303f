"""Protect a block from Ctrl-C and SIGTERM: an interrupted database call may lose the signal or leave a lock behind."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_deferring = False


@contextmanager
def deferred_interrupts() -> Iterator[None]:
    """Let the first SIGINT or SIGTERM take effect when the block ends. A second one takes effect at once.

    Only signals that have a Python handler are deferred, and only in the main thread, which receives them.
    """
    global _deferring
    if _deferring or threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers = {number: signal.getsignal(number) for number in _SIGNALS}
    received: list[int] = []

    def handle(number: int) -> None:
        handler = handlers[signal.Signals(number)]
        assert callable(handler)
        handler(number, None)

    def defer(number: int, frame: object) -> None:
        received.append(number)
        if len(received) > 1:
            handle(number)

    _deferring = True
    try:
        for number, handler in handlers.items():
            if callable(handler):
                signal.signal(number, defer)
        yield
    finally:
        _deferring = False
        for number, handler in handlers.items():
            if callable(handler):
                signal.signal(number, handler)
        if len(received) == 1:
            handle(received[0])
