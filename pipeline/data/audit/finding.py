"""What the audit finds in a data set."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Severity = Literal["stop", "warn", "note"]

SHOWN = 50
"""Sets of images that a finding lists."""
SHOWN_OF_SET = 8
"""Images of a set that a finding lists."""


@dataclass(frozen=True)
class Finding:
    """Something that a check found.

    Args:
        check: the name of the check, as in conf/audit.yaml.
        count: how many images, files or classes it concerns.
        summary: what was found, in one sentence.
        advice: what to do, in one sentence.
        names: files or classes, if they are not images of the data set.
        listing: what the lines of `names` are, such as "Classes with their number of images".
        images: rows of images, in tuples that belong together, such as copies of one picture.
        values: numbers that the summary is based on.
        severity: `stop` prevents training, `warn` and `note` do not. The audit sets it.
    """

    check: str
    count: int
    summary: str
    advice: str
    names: tuple[str, ...] = ()
    listing: str = ""
    images: tuple[tuple[int, ...], ...] = ()
    values: dict[str, float] = field(default_factory=dict)
    severity: Severity = "note"


def listed(sets: Sequence[NDArray[np.int64]]) -> tuple[tuple[int, ...], ...]:
    """The first sets of rows, and the first rows of each, for `Finding.images`."""
    return tuple(tuple(one[:SHOWN_OF_SET].tolist()) for one in sets[:SHOWN])


def each(rows: NDArray[np.int64]) -> tuple[tuple[int, ...], ...]:
    """The first rows, each by itself, for `Finding.images`."""
    return tuple((row,) for row in rows[:SHOWN].tolist())
