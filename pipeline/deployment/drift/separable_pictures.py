"""Can a classifier separate new pictures from training images by their thumbnails and measures?"""

from collections.abc import Iterator

from scipy.stats import norm

from pipeline.data.two_sample_classifier import chance_deviation
from pipeline.deployment.drift.compared import Compared
from pipeline.deployment.drift.difference import Difference
from pipeline.deployment.reference import picture_separation

NAME = "two-sample classifier"
RELEVANT = 0.1
"""The smallest relevant area above 0.5, in addition to that between training and test images."""


def check(compared: Compared) -> Iterator[Difference]:
    """Train and cross-validate the classifier; it finds differences that no single measure shows, such as a shift."""
    area = picture_separation(compared.training, compared.features)
    deviation = chance_deviation(len(compared.training.measures), len(compared.features.measures))
    yield Difference(
        NAME,
        "ROC AUC minus 0.5",
        max(area - 0.5, 0.0),
        RELEVANT + max(compared.reference.separation - 0.5, 0.0),
        float(norm.sf((area - 0.5) / deviation)),
        f"A classifier separates the pictures from training images with ROC AUC {area:.2f} (chance 0.50).",
    )
