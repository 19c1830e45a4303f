"""Copies and near copies of an image: with different labels, in different parts of a split, and others."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pipeline.data.audit.audited import Audited
from pipeline.data.audit.finding import Finding, Severity, listed
from pipeline.data.copies import Pairs, Rows, sets_of
from pipeline.data.splits import TEST, VALIDATION

SEVERITIES: dict[str, Severity] = {
    "copies_with_other_class": "stop",
    "near_copies_with_other_class": "warn",
    "copies_of_test_images": "stop",
    "near_copies_of_test_images": "stop",
    "few_near_copies_of_test_images": "warn",
    "copies_of_validation_images": "warn",
    "copies": "note",
}
FEW = 0.01
"""Near copies of a smaller share of the test images change an accuracy by less than this."""
JOIN = "Set 'groups: auto' in the file of the data under conf/data, so that a split keeps copies together"


def check(audited: Audited) -> Iterator[Finding]:
    """Copies with different classes, copies of test images and of validation images, then all other copies."""
    labels = audited.images.labels
    validated, harmless = [], []
    for name, singular, pairs in (
        ("copies", "copy", audited.copies.exact),
        ("near_copies", "near copy", audited.copies.near),
    ):
        other = labels[pairs[:, 0]] != labels[pairs[:, 1]]
        yield from _finding(
            f"{name}_with_other_class",
            sets_of(len(labels), pairs[other]),
            f"have a {singular} with another class.",
            "Correct the labels, or remove the images.",
        )
        tested = _torn(audited.splits == TEST, pairs)
        selecting = _torn(audited.splits == VALIDATION, pairs) & ~tested
        yield from _leak(audited, name, singular, pairs[tested])
        validated.append(pairs[selecting])
        harmless.append(pairs[~tested & ~selecting & ~other])
    yield from _finding(
        "copies_of_validation_images",
        sets_of(len(labels), np.concatenate(validated)),
        "form pairs of an image and its copy or near copy, one in the training set and one in the validation set, so "
        "validation scores are too high.",
        f"{JOIN}, or remove them.",
    )
    yield from _finding(
        "copies",
        sets_of(len(labels), np.concatenate(harmless)),
        "have a copy or near copy that the split does not separate from them.",
        "Remove them if they are not intended.",
    )


def _leak(audited: Audited, name: str, singular: str, pairs: Pairs) -> Iterator[Finding]:
    """The finding for copies in the test set and outside it."""
    shares = []
    for part in audited.splits == TEST:
        torn = pairs[part[pairs[:, 0]] != part[pairs[:, 1]]]
        shares.append(int(part[np.unique(torn)].sum()) / max(1, int(part.sum())))
    share = float(np.mean(shares))
    few = name == "near_copies" and share < FEW
    divided = audited.images.test is not None
    yield from _finding(
        f"few_{name}_of_test_images" if few else f"{name}_of_test_images",
        sets_of(len(audited.images.labels), pairs),
        f"form pairs of an image and its {singular}, one in the test set and one outside it. This concerns "
        f"{100 * share:.2g} % of the test images, so test scores are too high.",
        "This split is predefined by the data: remove the copies on one side of it." if divided else f"{JOIN}.",
        share_of_test_images=share,
    )


def _finding(name: str, sets: list[Rows], what: str, advice: str, **values: float) -> Iterator[Finding]:
    """The finding for sets of copies, if there are any."""
    if sets:
        count = sum(map(len, sets))
        yield Finding(name, count, f"{count:,} images {what}", advice, images=listed(sets), values=values)


def _torn(parts: NDArray[np.bool_], pairs: Pairs) -> NDArray[np.bool_]:
    """Whether a replicate has one image of a pair in a part and the other outside it; `parts` is replicates × n."""
    torn = np.zeros(len(pairs), bool)
    for part in parts:
        torn |= part[pairs[:, 0]] != part[pairs[:, 1]]
    return torn
