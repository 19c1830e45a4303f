"""What the audit finds in a data set."""

from dataclasses import dataclass, field
from typing import Literal

Severity = Literal["stop", "warn", "note"]


@dataclass(frozen=True)
class Finding:
    """Something that a check found.

    Args:
        check: the name of the check.
        severity: `stop` prevents training, `warn` and `note` do not.
        count: how many images, files or classes it concerns.
        summary: what was found, in one sentence.
        advice: what to do, in one sentence.
        names: files or classes, if they are not images of the data set.
        images: rows of images, in tuples that belong together, such as copies of one picture.
        values: numbers that the summary is based on.
    """

    check: str
    severity: Severity
    count: int
    summary: str
    advice: str
    names: tuple[str, ...] = ()
    images: tuple[tuple[int, ...], ...] = ()
    values: dict[str, float] = field(default_factory=dict)
