"""Cut-out: a square hole at a random place of each image (DeVries & Taylor 2017)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def with_holes(
    batch: NDArray[np.uint8], rng: np.random.Generator, *, cutout: float, fill: Sequence[int]
) -> NDArray[np.uint8]:
    """Fill a square in each image of a batch; the batch has shape (b, height, width, channels).

    The side of the square is the share `cutout` of the shorter side of the image. Its centre is uniformly random within
    the image, so a part of the square may lie outside. `fill` is the grey level of each channel.
    """
    height, width = batch.shape[1:3]
    side = max(round(cutout * min(height, width)), 1)
    changed = batch.copy()
    corners = rng.integers((height, width), size=(len(batch), 2)) - side // 2
    for image, (top, left) in zip(changed, corners.tolist(), strict=True):
        image[max(top, 0) : max(top + side, 0), max(left, 0) : max(left + side, 0)] = fill
    return changed
