"""Handwritten digits of 8×8 pixels (Alpaydin & Kaynak 1998, UCI), as they come with scikit-learn: 1,797 images."""

import numpy as np

from pipeline.data.images import Images

REQUIREMENT = "scikit-learn"


def load() -> Images:
    """1,797 images of 8 × 8 × 1 in ten classes; the published values 0..16 are spread over 0..255."""
    from sklearn.datasets import load_digits  # a second

    digits = load_digits()
    names = np.array([f"digit-{row:04d}" for row in range(len(digits.target))])
    return Images(
        pixels=np.rint(digits.images[..., np.newaxis] * (255 / 16)).astype(np.uint8),
        labels=digits.target.astype(np.int64),
        classes=tuple(str(digit) for digit in digits.target_names),
        groups=names,
        subgroups=None,
        names=names,
        source="digits",
        licence="CC BY 4.0",
        attribution="Digits: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine "
        "Learning Repository 1998, CC BY 4.0",
        notes=(
            "The digits come from 13 writers, but who wrote which is not published: digits of one writer fall on "
            "both sides of a split.",
        ),
    )
