"""Handwritten digits of 8×8 pixels (Alpaydin & Kaynak 1998, UCI), distributed with scikit-learn: 1,797 images."""

from typing import Annotated

import numpy as np
from pydantic import Field

from pipeline.data.area_averaging import resized
from pipeline.data.images import LabelledImages

REQUIREMENT = "scikit-learn"

PUBLISHED = 8
"""Side length in pixels."""


def load(*, size: Annotated[int, Field(ge=1, le=64)] = PUBLISHED) -> LabelledImages:
    """Load 1,797 images of `size` × `size` × 1 in ten classes; the published values 0..16 are scaled to 0..255.

    Sizes other than the published 8 are resampled by area averaging.
    """
    from sklearn.datasets import load_digits  # takes a second

    digits = load_digits()
    pixels = np.rint(digits.images * (255 / 16)).astype(np.uint8)
    if size != PUBLISHED:
        pixels = np.stack([resized(image, size, size) for image in pixels])
    names = np.array([f"digit-{row:04d}" for row in range(len(digits.target))])
    return LabelledImages(
        pixels=pixels[..., np.newaxis],
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
            "The digits come from 13 writers, but the writer of a digit is not published: digits of one writer are in "
            "both the training and the test set.",
        ),
    )
