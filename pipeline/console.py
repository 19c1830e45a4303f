"""Output of the commands on the console."""

import sys
import time
from collections.abc import Container, Sequence

from tabulate import tabulate

from pipeline.safe_text import visible

ON_TERMINAL, IN_FILE = 0.5, 10.0
"""Seconds between two reports of progress on a terminal, and in a file or a pipe."""
COUNTED = 256
"""`Counting` reads the clock once in so many steps."""


def say(line: str) -> None:
    """Print a line at once, even if the output is a file or a pipe."""
    print(visible(line), flush=True)


class _Line:
    """A line about a long task: one that changes on a terminal, else a new one now and then."""

    def __init__(self) -> None:
        self._terminal = sys.stdout.isatty()
        self._wait = ON_TERMINAL if self._terminal else IN_FILE
        self._width = 0
        self._shown = time.monotonic()

    def is_due(self, now: float) -> bool:
        """Whether the last line is old enough at this time."""
        return now - self._shown >= self._wait

    def show(self, line: str, now: float) -> None:
        """Replace the line on a terminal, or print it."""
        self._shown = now
        if not self._terminal:
            say(line)
            return
        print("\r" + line.ljust(self._width), end="", flush=True)
        self._width = len(line)

    def close(self) -> None:
        """Clear the line on a terminal."""
        if self._width:
            print("\r" + " " * self._width + "\r", end="", flush=True)
            self._width = 0


class Progress:
    """The progress of a long task with the time left."""

    def __init__(self, total: int, unit: str) -> None:
        """Begin a task of `total` steps; `unit` follows the numbers, such as "pictures read"."""
        self._total, self._unit = total, unit
        self._done = self._first = 0
        self._began = time.monotonic()
        self._line = _Line()

    def advance(self, steps: int) -> None:
        """Count finished steps."""
        now = time.monotonic()
        if not self._done:
            # The first steps also wait for the start of worker processes, so no rate is computed from them.
            self._first, self._began = steps, now
        self._done += steps
        if self._done == self._first or not self._line.is_due(now):
            return
        left = (now - self._began) / (self._done - self._first) * (self._total - self._done)
        self._line.show(f"{self._done:,} of {self._total:,} {self._unit}, about {duration(left)} left", now)

    def close(self) -> None:
        """Clear the line on a terminal."""
        self._line.close()


class Counting:
    """The progress of a task of unknown length."""

    def __init__(self, unit: str) -> None:
        """Begin a task; `unit` follows the number, such as "files found"."""
        self._unit, self._done, self._line = unit, 0, _Line()

    def advance(self, steps: int = 1) -> None:
        """Count finished steps."""
        self._done += steps
        # Reading the clock for each file would take longer than listing it.
        if self._done % COUNTED < steps and self._line.is_due(now := time.monotonic()):
            self._line.show(f"{self._done:,} {self._unit}", now)

    def close(self) -> None:
        """Clear the line on a terminal."""
        self._line.close()


def duration(seconds: float) -> str:
    """A duration that is roughly known.

    >>> duration(75), duration(1500), duration(9000)
    ('75 s', '25 min', '2.5 h')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def columns(rows: Sequence[Sequence[str]], *, right: Container[int] = ()) -> list[str]:
    """The lines of a table with aligned columns; `right` holds the numbers, from 0, of right-aligned columns.

    >>> for line in columns([("trial", "loss"), ("7", "0.25")], right=(1,)): print(line)
    trial  loss
    7      0.25
    """
    alignment = ["right" if number in right else "left" for number in range(max(map(len, rows), default=0))]
    table = tabulate(rows, tablefmt="plain", colalign=alignment, disable_numparse=True)
    return [line.rstrip() for line in table.split("\n")] if rows else []
