"""The share of pictures that look unlike the training images, one by one."""

from collections.abc import Iterator

from scipy.stats import fisher_exact

from pipeline.counts import number_of
from pipeline.deployment.drift.compared import Compared
from pipeline.deployment.drift.difference import Difference
from pipeline.deployment.unusual import FLAGGED_SHARE, flags, limits

NAME = "unusual pictures"
RELEVANT = 0.02
"""The smallest relevant increase of the share."""
FLAGS = 3
"""Flags that the sentence names."""


def check(compared: Compared) -> Iterator[Difference]:
    """Compare the share with that of the images of the reported score by Fisher's exact test."""
    unusual, count = int(compared.new.unusual.sum()), compared.new.size
    reference = compared.reference
    images = len(reference.held_out.measures)
    before = sum(bool(found) for found in flags(reference.held_out, limits(reference.training)))
    usual_share = before / images if images else FLAGGED_SHARE
    table = [[unusual, count - unusual], [before, images - before]]
    named = "; ".join(f"{name} ({number:,})" for name, number in compared.new.flags[:FLAGS])
    yield Difference(
        NAME,
        "increase of the share",
        max(unusual / count - usual_share, 0.0),
        RELEVANT,
        float(fisher_exact(table, alternative="greater").pvalue),
        f"{number_of(unusual, 'picture is', 'pictures are')} unusual ({100 * unusual / count:.1f} %; of the images of "
        f"the reported score, {100 * usual_share:.1f} %). The flags are {named}.",
    )
