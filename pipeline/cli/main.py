"""The entry point of `convtrack`: run the command that the command line names, and report mistakes in one sentence.

Modules whose import takes more than a few milliseconds are imported where Ctrl-C is handled.
"""

import atexit
import io
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import NoReturn

from pipeline.storage.interrupts import INTERRUPTED, repeat_lost_interrupt, signal_main_thread

_received: list[int] = []
"""The signals SIGINT and SIGTERM that have interrupted the command."""

_failed: list[Exception] = []
"""What has ended a thread of the command, and thereby the command."""


def main() -> None:
    """Run a command. A mistake of the user ends in one sentence on standard error and exit code 1."""
    try:
        _open_standard_streams()
        sys.excepthook = _print_bug
        threading.excepthook = _end_with_thread
        sys.unraisablehook = repeat_lost_interrupt
        signal.signal(signal.SIGTERM, _interrupt)
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # It is ignored in the background of a shell.
            signal.signal(signal.SIGINT, _interrupt)
        # After the exit functions, Python restores the default handlers, and a signal would kill the process.
        atexit.register(_handle_interrupts, signal.SIG_IGN)
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")  # Some terminals cannot print ×.
        try:
            from pipeline.storage.temporary import own_temporary_files

            with own_temporary_files():
                _run(sys.argv[1:])
        finally:
            sys.stdout.flush()
            if _failed:  # Some commands end without an error when they are interrupted.
                sys.exit(1)
    except KeyboardInterrupt:
        _end_interrupted()
    except BrokenPipeError:
        # The reader, such as `head`, has closed the pipe. Python would report that once more when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as problem:
        if _received:  # TensorFlow replaces a KeyboardInterrupt in its C++ code by an error of its own.
            _end_interrupted()
        _print_sentence(problem)
        sys.exit(1)


def _open_standard_streams() -> None:
    """Open the null device for standard streams that the caller has closed; Python sets them to None."""
    for number, (name, mode) in enumerate({"stdin": "r", "stdout": "w", "stderr": "w"}.items()):
        if getattr(sys, name) is None:
            null = os.open(os.devnull, os.O_RDWR)
            if null != number:
                os.dup2(null, number)
                os.close(null)
            setattr(sys, name, open(number, mode, encoding="utf-8"))  # noqa: PTH123, SIM115


def _run(arguments: Sequence[str]) -> None:
    from importlib import import_module

    from pipeline.cli import composing
    from pipeline.cli.help import overview
    from pipeline.cli.registry import COMMANDS, HYDRA_COMMANDS, STAGES
    from pipeline.cli.user_account import complete_account
    from pipeline.errors import unknown
    from pipeline.storage.durations import record_duration
    from pipeline.storage.dvc_files import keep_locks

    import_module("pipeline.cli.messages")  # Imported now, because later there may not be enough memory.
    complete_account()
    if "DVC_STAGE" in os.environ:
        keep_locks()
    if not arguments or arguments[0] in ("-h", "--help"):
        print(overview())
        return
    name, *rest = arguments
    if name not in COMMANDS:
        raise unknown("command", name, COMMANDS)
    began = time.monotonic()
    if name in HYDRA_COMMANDS:
        composing.run(name, rest)
    else:
        import_module(COMMANDS[name].module).main(rest)
    if name in STAGES and not any(argument.startswith("-") for argument in rest):
        record_duration(arguments, time.monotonic() - began)


def _print_bug(_: object, problem: BaseException, __: object) -> None:
    """Print the traceback of an exception that no sentence explains, without secrets."""
    import traceback

    from pipeline.safe_text import redacted

    print(redacted("".join(traceback.format_exception(problem))), end="", file=sys.stderr, flush=True)


def _end_with_thread(failure: threading.ExceptHookArgs) -> None:
    """Interrupt the command, which may wait forever for a thread that has run out of memory or disk space.

    Any other exception is printed, and the command continues.
    """
    from pipeline.cli.messages import is_exhausted

    problem = failure.exc_value
    if problem is None or isinstance(problem, SystemExit) or _received or _failed:
        return
    if not (isinstance(problem, Exception) and is_exhausted(problem)):
        _print_bug(failure.exc_type, problem, failure.exc_traceback)
        return
    _failed.append(problem)
    try:
        _print_sentence(problem)
    finally:
        signal_main_thread(signal.SIGTERM)


def _handle_interrupts(handler: Callable[[int, object], object] | signal.Handlers) -> None:
    """Let `handler` receive SIGINT and SIGTERM from now on."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handler)


def _interrupt(number: int, _: object) -> None:
    _received.append(number)
    raise KeyboardInterrupt


def _end_interrupted() -> NoReturn:
    _handle_interrupts(lambda *_: os._exit(INTERRUPTED))
    _print_message("Interrupted. Run the same command again to continue; finished work is kept.")
    sys.exit(INTERRUPTED)


def _print_sentence(problem: Exception) -> None:
    """Print the sentence that explains an exception; raise the exception if it has none."""
    from pipeline.cli.messages import sentence

    message = sentence(problem)
    if message is None:
        raise problem
    _print_message(message)


def _print_message(message: str) -> None:
    from pipeline.safe_text import redacted, visible

    print(f"convtrack: {visible(redacted(message))}", file=sys.stderr, flush=True)
