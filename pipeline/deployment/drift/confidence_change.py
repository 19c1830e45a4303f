"""The calibrated confidence, compared with that for the images of the reported score."""

from collections.abc import Iterator

from scipy.stats import ks_2samp

from pipeline.deployment.drift.compared import Compared
from pipeline.deployment.drift.difference import Difference

RELEVANT = 0.1
"""The smallest relevant distance of the two distributions."""


def check(compared: Compared) -> Iterator[Difference]:
    """Compare the distributions by the Kolmogorov–Smirnov test."""
    now, before = compared.new.confidence, compared.reference.scored.confidence
    test = ks_2samp(now, before)
    yield Difference(
        "confidence",
        "largest distance between cumulative distributions",
        float(test.statistic),
        RELEVANT,
        float(test.pvalue),
        f"The mean confidence is {now.mean():.3f}; on the images of the reported score it was {before.mean():.3f}.",
    )
