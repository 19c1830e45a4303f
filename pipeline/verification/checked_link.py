"""A checked link between two records of a result."""

from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple

from pipeline.counts import number_of
from pipeline.errors import Unreachable, UserError, reason

State = Literal["ok", "differs", "unknown"]

UNEXPECTED = (
    *(ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError),
    *(IsADirectoryError, NotADirectoryError),
)
"""What a record of unexpected contents makes its readers raise, if they have no message of their own."""

SHOWN_NAMES = 4
"""Names that a line lists before it counts the others."""


class Check(NamedTuple):
    """What was checked, whether it agrees, and what was found; `remedy` says what to do about a difference.

    `unknown` is a link that cannot be checked, such as a report without a record.
    """

    subject: str
    state: State
    found: str
    remedy: str = ""

    @property
    def line(self) -> str:
        """The check as one line."""
        end = f" {self.remedy}" if self.remedy else ""
        return f"{self.state:8} {self.subject}: {self.found}.{end}"


def checked(subject: str, check: Callable[[], Iterator[Check] | Sequence[Check]]) -> Iterator[Check]:
    """Yield the checks; a missing or damaged file is a difference of its own, and does not end the other checks."""
    try:
        yield from check()
    except Unreachable as problem:
        yield Check(subject, "unknown", str(problem).rstrip("."))
    except UserError as problem:
        yield Check(subject, "differs", str(problem).rstrip("."))
    except UNEXPECTED as problem:
        remedy = "Restore it with Git, DVC or a copy, or run `dvc repro`."
        yield Check(subject, "differs", f"it has unexpected contents ({reason(problem).rstrip('.')})", remedy)


def conclusion(checks: Sequence[Check]) -> str:
    """All checks as one sentence."""
    counts = {state: sum(one.state == state for one in checks) for state in ("ok", "differs", "unknown")}
    unknown = f", {counts['unknown']} unknown" if counts["unknown"] else ""
    return (
        f"{number_of(len(checks), 'check')}: {counts['ok']} ok, {number_of(counts['differs'], 'difference')}{unknown}."
    )


def names(found: Sequence[object]) -> str:
    """Some names, separated by commas, and how many more there are.

    >>> names(["a", "b"]), names(list("abcdef"))
    ('a, b', 'a, b, c, d and 2 more')
    """
    more = len(found) - SHOWN_NAMES
    listed = ", ".join(map(str, found[:SHOWN_NAMES]))
    return f"{listed} and {more} more" if more > 0 else listed
