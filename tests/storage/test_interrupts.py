"""Deferred interrupts: a signal within the block takes effect at its end, and none is lost."""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from pipeline.storage import interrupts
from pipeline.storage.interrupts import deferred_interrupts, repeat_lost_interrupt


@pytest.fixture(autouse=True)
def terminating_raises() -> Iterator[None]:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_takes_effect_at_the_end_of_the_block(number):
    done = []
    with pytest.raises(KeyboardInterrupt), deferred_interrupts():
        os.kill(os.getpid(), number)
        done.append("rest of the block")
    assert done == ["rest of the block"]


def test_a_second_signal_takes_effect_at_once(monkeypatch):
    monkeypatch.setattr(interrupts, "PATIENCE", 0.0)
    done = []
    with pytest.raises(KeyboardInterrupt), deferred_interrupts():
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
        done.append("rest of the block")
    assert done == []


def test_two_signals_in_quick_succession_count_as_one():
    done = []
    with pytest.raises(KeyboardInterrupt), deferred_interrupts():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
        done.append("rest of the block")
    assert done == ["rest of the block"]


def test_a_second_signal_that_the_block_swallows_is_not_lost(monkeypatch):
    monkeypatch.setattr(interrupts, "PATIENCE", 0.0)
    with pytest.raises(KeyboardInterrupt), deferred_interrupts(), suppress(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)


def test_a_signal_while_handlers_are_restored_leaves_none_deferred(monkeypatch):
    set_handler = signal.signal

    def interrupted(number, handler):
        before = set_handler(number, handler)
        if number is signal.SIGINT and handler is signal.default_int_handler:
            os.kill(os.getpid(), signal.SIGINT)
        return before

    set_handler(signal.SIGINT, signal.default_int_handler)
    monkeypatch.setattr(signal, "signal", interrupted)
    with pytest.raises(KeyboardInterrupt), deferred_interrupts():
        pass
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGTERM)


def test_an_interrupt_replaces_an_error_of_the_block():
    with pytest.raises(KeyboardInterrupt), deferred_interrupts():
        os.kill(os.getpid(), signal.SIGTERM)
        raise OSError("the store is away")


def test_nested_blocks_defer_to_the_end_of_the_outer_one():
    done = []
    with pytest.raises(KeyboardInterrupt), deferred_interrupts():
        with deferred_interrupts():
            os.kill(os.getpid(), signal.SIGINT)
        done.append("rest of the outer block")
    assert done == ["rest of the outer block"]


def test_handlers_are_restored():
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with deferred_interrupts():
        assert signal.getsignal(signal.SIGTERM) is not before[1]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_ignored_and_default_signals_are_left_alone():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with deferred_interrupts():
            os.kill(os.getpid(), signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


def test_threads_run_the_block_unchanged():
    seen = []

    def run() -> None:
        with deferred_interrupts():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGTERM)]


class Interrupted:
    """Its finalizer is interrupted, and Python catches every exception of a finalizer."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)


def test_an_interrupt_that_python_catches_in_a_finalizer_is_raised_again(monkeypatch, capsys):
    monkeypatch.setattr(sys, "unraisablehook", repeat_lost_interrupt)
    with pytest.raises(KeyboardInterrupt):
        Interrupted()
        time.sleep(5)
    assert capsys.readouterr().err == ""


def test_other_exceptions_of_a_finalizer_are_reported(monkeypatch, capsys):
    class Faulty:
        def __del__(self) -> None:
            raise ValueError("a mistake")

    monkeypatch.setattr(sys, "unraisablehook", repeat_lost_interrupt)
    Faulty()
    assert "ValueError: a mistake" in capsys.readouterr().err


def test_no_module_that_pytest_has_imported_blocks_ctrl_c():
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, set())
