"""Brightness, contrast, detail, clipped pixels and colour: does their distribution differ from that in training?"""

from collections.abc import Iterator

import numpy as np
from scipy.stats import ks_2samp

from pipeline.deployment.drift.compared import Compared
from pipeline.deployment.drift.difference import Difference
from pipeline.deployment.picture_features import MEASURES

RELEVANT = 0.1
"""The smallest relevant distance of two distributions, in addition to that between training and test images."""
WORDS = {
    "brightness": ("are darker", "are brighter", "mean grey level"),
    "contrast": ("have less contrast", "have more contrast", "standard deviation of grey levels"),
    "detail": ("are smoother", "are noisier or finer", "second difference divided by contrast"),
    "clipped": ("have fewer black or white pixels", "have more black or white pixels", "share of such pixels"),
    "colour": ("have less colour", "have more colour", "distance of the channels from their mean"),
}
"""For each measure, what is said of pictures below and above the training images, and what is measured."""


def check(compared: Compared) -> Iterator[Difference]:
    """Compare each measure by the Kolmogorov–Smirnov test.

    Rabanser et al. 2019, *Failing loudly: an empirical study of methods for detecting dataset shift*, combine such
    tests with a correction for their number.
    """
    for column, name in enumerate(MEASURES):
        new, training = (one.measures[:, column] for one in (compared.features, compared.training))
        known = compared.reference
        test = ks_2samp(new, training)
        usual = float(ks_2samp(known.held_out.measures[:, column], known.training.measures[:, column]).statistic)
        below, above, meaning = WORDS[name]
        now, before = float(np.median(new)), float(np.median(training))
        direction = above if now > before else below
        yield Difference(
            name,
            "largest distance between cumulative distributions",
            float(test.statistic),
            RELEVANT + usual,
            float(test.pvalue),
            f"The pictures {direction} than training images: median {now:.3g} against {before:.3g} ({meaning}).",
        )
