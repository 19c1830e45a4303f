"""Mistakes that a user can mend, each told in one sentence."""

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(Exception):
    """A mistake of the user's; the message names the thing, the rule, the value and what to do."""


class Unreachable(UserError):
    """A server or store does not answer: no fault of what needed it, which may be tried again."""


def reason(problem: Exception) -> str:
    """Why something failed, in one line: what a user can mend in its own words, all else with its kind.

    >>> reason(ValueError("of two\\nlines")), reason(UserError("Mend it."))
    ('ValueError: of two lines', 'Mend it.')
    """
    said = " ".join(str(problem).split())
    return said if isinstance(problem, UserError) else f"{type(problem).__name__}: {said}"


def unknown(kind: str, name: str, available: Iterable[str]) -> UserError:
    """The error for a name that is not among those available, with the nearest one.

    >>> str(unknown("model", "lenet", ["lenet5", "resnet8"]))
    "Unknown model 'lenet'. Did you mean 'lenet5'? Available: lenet5, resnet8."
    """
    choices = sorted(available)
    near = get_close_matches(name, choices, n=1)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    return UserError(f"Unknown {kind} '{name}'.{hint} Available: {', '.join(choices) or 'none'}.")
