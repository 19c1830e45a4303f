"""Images with identical pixels, above all in different parts of a split or with different labels."""

from collections.abc import Iterator

import numpy as np

from pipeline.data.audit.audited import Audited
from pipeline.data.audit.finding import Finding
from pipeline.data.splits import TEST

SHOWN = 50


def check(audited: Audited) -> Iterator[Finding]:
    """Copies with different labels, copies on both sides of a split, and other copies."""
    _, copy, count = np.unique(audited.measured.digests, axis=0, return_inverse=True, return_counts=True)
    rows = np.flatnonzero(count[copy] > 1)
    rows = rows[np.argsort(copy[rows], kind="stable")]
    if not len(rows):
        return
    sets = np.split(rows, np.flatnonzero(np.diff(copy[rows])) + 1)
    labels = audited.images.labels
    conflicting = [one for one in sets if len(set(labels[one].tolist())) > 1]
    tested = audited.splits == TEST
    leaking = [one for one in sets if (tested[:, one].any(axis=1) & ~tested[:, one].all(axis=1)).any()]
    if conflicting:
        yield Finding(
            "exact_duplicates",
            "stop",
            sum(map(len, conflicting)),
            f"{sum(map(len, conflicting)):,} images are copies of an image with another class.",
            "Correct the labels, or remove the copies.",
            images=_shown(conflicting),
        )
    if leaking:
        yield Finding(
            "exact_duplicates",
            "stop",
            sum(map(len, leaking)),
            f"{sum(map(len, leaking)):,} images have an identical copy on the other side of the border between test "
            "images and the others, so test scores would be too high.",
            "Set `groups: auto` in the data's file under conf/data to keep copies together, or remove the copies.",
            images=_shown(leaking),
        )
    others = len(rows) - sum(map(len, leaking))
    if not leaking and others:
        yield Finding(
            "exact_duplicates",
            "note",
            len(rows),
            f"{len(rows):,} images have an identical copy; no split separates them.",
            "Remove the copies if they are not intended.",
            images=_shown(sets),
        )


def _shown(sets: list[np.ndarray]) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(one.tolist()) for one in sets[:SHOWN])
