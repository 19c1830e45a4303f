"""Copies and near copies of an image: with different labels, in different parts of a split, and others."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pipeline.data.audit.audited import Audited
from pipeline.data.audit.finding import Finding, Severity, listed
from pipeline.data.copies import Pairs, sets_of
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
JOIN = "Set `groups: auto` in the file of the data under conf/data, so that a split keeps copies together"


def check(audited: Audited) -> Iterator[Finding]:
    """Each pair of copies counts for one finding: its class first, then its parts."""
    labels = audited.images.labels
    kinds = (("copies", "copies", audited.copies.exact), ("near_copies", "near copies", audited.copies.near))
    harmless = []
    for name, plural, pairs in kinds:
        other = labels[pairs[:, 0]] != labels[pairs[:, 1]]
        if other.any():
            sets = sets_of(len(labels), pairs[other])
            yield Finding(
                f"{name}_with_other_class",
                sum(map(len, sets)),
                f"{_images(sets)} are {plural} of each other, but have different classes.",
                "Correct the labels, or remove the images.",
                images=listed(sets),
            )
        tested = _torn(audited.splits == TEST, pairs)
        if tested.any():
            yield _leak(audited, name, plural, pairs[tested])
        validated = _torn(audited.splits == VALIDATION, pairs) & ~tested
        harmless.append(pairs[~tested & ~validated])
        if validated.any():
            sets = sets_of(len(labels), pairs[validated])
            yield Finding(
                "copies_of_validation_images",
                sum(map(len, sets)),
                f"{_images(sets)} are {plural} of each other, one in the training set and one in the validation set, "
                "so validation scores are too high.",
                f"{JOIN}, or remove them.",
                images=listed(sets),
            )
    sets = sets_of(len(labels), np.concatenate(harmless))
    if sets:
        yield Finding(
            "copies",
            sum(map(len, sets)),
            f"{_images(sets)} are copies or near copies of each other; no split separates them.",
            "Remove the copies if they are not intended.",
            images=listed(sets),
        )


def _leak(audited: Audited, name: str, plural: str, pairs: Pairs) -> Finding:
    sets = sets_of(len(audited.images.labels), pairs)
    tested = audited.splits == TEST
    shares = []
    for part in tested:
        torn = pairs[part[pairs[:, 0]] != part[pairs[:, 1]]]
        shares.append(int(part[np.unique(torn)].sum()) / max(1, int(part.sum())))
    share = float(np.mean(shares))
    few = name == "near_copies" and share < FEW
    divided = audited.images.test is not None
    return Finding(
        f"few_{name}_of_test_images" if few else f"{name}_of_test_images",
        sum(map(len, sets)),
        f"{_images(sets)} are {plural} of each other, one in the test set and one outside it. This concerns "
        f"{100 * share:.2g} % of the test images, so test scores are too high.",
        "The source states this division: remove the copies from one side of it." if divided else f"{JOIN}.",
        images=listed(sets),
        values={"share_of_test_images": share},
    )


def _torn(parts: NDArray[np.bool_], pairs: Pairs) -> NDArray[np.bool_]:
    """Whether a replicate has one image of a pair in a part and the other outside it; `parts` is replicates × n."""
    torn = np.zeros(len(pairs), bool)
    for part in parts:
        torn |= part[pairs[:, 0]] != part[pairs[:, 1]]
    return torn


def _images(sets: list[NDArray[np.int64]]) -> str:
    return f"{sum(map(len, sets)):,} images"
