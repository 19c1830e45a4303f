"""The groups that `groups: auto` has joined, and what this changes for a simple classifier."""

from collections.abc import Iterator

import numpy as np

from pipeline.counts import number_of
from pipeline.data.audit.audited import Audited
from pipeline.data.audit.finding import Finding, Severity
from pipeline.data.audit.predictability import balanced_accuracy, by_nearest_image, sampled_parts
from pipeline.data.copies import sets_of
from pipeline.data.splits import TEST

SEVERITIES: dict[str, Severity] = {"joined_groups": "note"}


def check(audited: Audited) -> Iterator[Finding]:
    """The score of a nearest-neighbour classifier that is trained with copies of test images, and without them.

    Both scores are of the same test images, those of a split that ignores copies. So only the copies differ, not the
    draw of the test set.
    """
    if audited.unjoined is None:
        return
    sets = sets_of(len(audited.images.labels), np.concatenate(audited.copies))
    groups, tested = audited.images.groups, audited.unjoined == TEST
    training, test = sampled_parts(audited.unjoined)
    others = training[~np.isin(groups[training], np.unique(groups[tested]))]
    before, after = (
        balanced_accuracy(
            by_nearest_image(audited.measured.appearance.thumbnails, audited.images.labels, rows, test),
            len(audited.images.classes),
        )
        for rows in (training, others)
    )
    yield Finding(
        "joined_groups",
        sum(map(len, sets)),
        f"'groups: auto' keeps {sum(map(len, sets)):,} copies and near copies together, in "
        f"{number_of(len(sets), 'set')}. "
        "A nearest-neighbour classifier on thumbnails of 8 × 8 grey pixels reaches a balanced accuracy of "
        f"{before:.3f} on test images whose copies are in the training set, and {after:.3f} on the same images "
        "without these copies.",
        "No action is needed. The second score is the valid one; the first is too high if copies are separated.",
        values={"before": before, "after": after},
    )
