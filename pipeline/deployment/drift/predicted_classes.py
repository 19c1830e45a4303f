"""The shares of the predicted classes, compared with those for the images of the reported score."""

from collections.abc import Iterator

import numpy as np
from scipy.stats import chi2_contingency

from pipeline.deployment.drift.compared import Compared
from pipeline.deployment.drift.difference import Difference

NAME = "predicted classes"
RELEVANT = 0.1
"""The smallest relevant total variation distance: this share of the pictures would need another class."""


def check(compared: Compared) -> Iterator[Difference]:
    """Compare the numbers of pictures by a chi-squared test of homogeneity."""
    counts = np.stack([compared.predicted_counts, compared.scored_counts])
    shares = counts / counts.sum(axis=1, keepdims=True)
    place = int(np.abs(shares[0] - shares[1]).argmax())
    present = counts[:, counts.sum(axis=0) > 0]
    yield Difference(
        NAME,
        "total variation distance",
        float(np.abs(shares[0] - shares[1]).sum() / 2),
        RELEVANT,
        float(chi2_contingency(present).pvalue) if present.shape[1] > 1 else 1.0,
        f"Class '{compared.classes[place]}' is predicted for {shares[0, place]:.0%} of the pictures, but for "
        f"{shares[1, place]:.0%} of the images of the reported score.",
    )
