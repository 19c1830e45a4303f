"""Errors that a user can correct, each with a message of one sentence."""

import errno
from collections.abc import Iterable
from difflib import get_close_matches

from pipeline.safe_text import redacted

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
"""Errors of the system about a full disk or an exhausted quota."""


class UserError(Exception):
    """A mistake of the user. The message states what is wrong, the rule, and what to do."""


class Unreachable(UserError):
    """A server or store does not respond. The work that needed it may be tried again."""


class Rejected(Unreachable):
    """A store rejects the request, or needs another package. A repetition alone does not help."""


def reason(problem: Exception) -> str:
    """Why something failed, in one line: the message of a UserError; the type and message of any other exception.

    >>> reason(ValueError("of two\\nlines")), reason(UserError("Mend it."))
    ('ValueError: of two lines', 'Mend it.')
    """
    message = redacted(" ".join(str(problem).split()))
    return message if isinstance(problem, UserError) else f"{type(problem).__name__}: {message}"


def unknown(kind: str, name: str, available: Iterable[str]) -> UserError:
    """The error for an unknown name. It suggests the closest available name.

    >>> str(unknown("model", "lenet", ["lenet5", "resnet8"]))
    "Unknown model 'lenet'. Did you mean 'lenet5'? Available: lenet5, resnet8."
    """
    choices = sorted(available)
    near = get_close_matches(name, choices, n=1)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    return UserError(f"Unknown {kind} '{name}'.{hint} Available: {', '.join(choices) or 'none'}.")
