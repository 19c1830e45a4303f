"""Resample images by area averaging."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def resized(image: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Resample a grey image to `height` × `width` pixels by area averaging; rounding errors are at most 1.

    >>> resized(np.array([[0, 90, 0], [0, 90, 0]], np.uint8), 1, 2).tolist()
    [[30, 30]]
    """
    # Pillow's box filter does not weight partly covered pixels, so make each side a multiple of the new one.
    repeated = image.repeat(height, axis=0).repeat(width, axis=1)
    return np.asarray(Image.fromarray(repeated).resize((width, height), Image.Resampling.BOX))
