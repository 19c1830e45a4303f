"""Digits at four horizontal positions each, as in LeCun 1989, "Generalization and network design strategies".

There, 120 digits drawn by one person with a mouse on 16×13 pixels were placed at four horizontal positions on 16×16
pixels, and the 480 images were divided into 320 training and 160 test images at random. Most test images therefore are
moved copies of training images. Here the digits come from a sample of MNIST and have many writers.
"""

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from pipeline.data.area_averaging import resized
from pipeline.data.images import LabelledImages
from pipeline.data.sources import mnist_sample

REQUIREMENT = mnist_sample.REQUIREMENT

SIDE, WIDTH = 16, 13
MARGIN = 4
"""Empty pixels around MNIST's digits, which fill 20×20 of 28×28 pixels."""


def load(
    *, draw: Annotated[int, Field(ge=0)] = 0, drawings: Annotated[int, Field(ge=1, le=500)] = 13
) -> LabelledImages:
    """Load black and white images of 16 × 16 × 1, four of each drawing.

    The published 12 drawings of each class leave no validation images beside 320 training and 160 test images.

    Args:
        draw: the seed of the draw of drawings.
        drawings: number of drawings of each class.
    """
    sample = mnist_sample.load()
    rng = np.random.default_rng(draw)
    rows = np.concatenate(
        [rng.choice(np.flatnonzero(sample.labels == label), drawings, replace=False) for label in range(10)]
    )
    moved = np.concatenate([_positions(sample.pixels[row : row + 1][0, :, :, 0]) for row in rows.tolist()])
    copies = len(moved) // len(rows)
    names = np.array([f"{sample.names[row]}-position{place}" for row in rows for place in range(copies)])
    return LabelledImages(
        pixels=moved[..., np.newaxis],
        labels=sample.labels[rows].repeat(copies),
        classes=sample.classes,
        groups=names,
        subgroups=None,
        names=names,
        source="moved_digits",
        licence=sample.licence,
        attribution=sample.attribution,
        notes=("Moved copies of a drawing are in both the training and the test set, as in LeCun 1989.",),
    )


def _positions(digit: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A digit of 28×28 grey pixels at each horizontal position, black and white: (positions, 16, 16)."""
    small = resized(digit[MARGIN:-MARGIN, MARGIN:-MARGIN], SIDE, WIDTH)
    drawn = np.where(small >= 128, 255, 0).astype(np.uint8)
    free = SIDE - WIDTH
    return np.stack([np.pad(drawn, ((0, 0), (place, free - place))) for place in range(free + 1)])
