"""Random brightness, contrast and noise of batches, through tables of grey levels: both results are integers."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

LEVELS = np.arange(256, dtype=np.float32)
QUANTILES = 2**16
"""Noise takes one of this many equally likely values."""


def with_changed_light(
    batch: NDArray[np.uint8], rng: np.random.Generator, *, brightness: float, contrast: float
) -> NDArray[np.uint8]:
    """Change brightness and contrast of each image of a batch; the batch has shape (b, height, width, channels).

    The difference of a pixel from the mean of its image and channel is multiplied by a uniformly random factor from
    1 − `contrast` to 1 + `contrast`. Then a uniformly random value from −`brightness` to `brightness`, as a share of
    255 grey levels, is added to all pixels. Results outside of 0..255 are set to its ends.
    """
    # A table of 256 grey levels for each image is three times as fast as arithmetic on its pixels.
    import cv2

    factors = rng.uniform(1 - contrast, 1 + contrast, len(batch))
    added = 255 * rng.uniform(-brightness, brightness, len(batch))
    changed = np.empty_like(batch)
    for image, factor, shift, place in zip(batch, factors, added, changed, strict=True):
        means = np.array(cv2.mean(image)[: image.shape[2]], np.float32)
        table = (LEVELS[:, np.newaxis] - means) * np.float32(factor) + means + np.float32(shift)
        levels = np.rint(table).clip(0, 255).astype(np.uint8)
        place[...] = cv2.LUT(image, levels[np.newaxis]).reshape(place.shape)
    return changed


def with_noise(batch: NDArray[np.uint8], rng: np.random.Generator, *, noise: float) -> NDArray[np.uint8]:
    """Add Gaussian noise with standard deviation `noise`, as a share of 255 grey levels, to each value of a batch.

    Results outside of 0..255 are set to its ends.
    """
    # Drawing from a table of quantiles is four times as fast as drawing from the normal distribution.
    drawn = _noise_levels(noise)[rng.integers(QUANTILES, size=batch.shape, dtype=np.uint16)]
    drawn += batch
    return drawn.clip(0, 255, out=drawn).astype(np.uint8)


@lru_cache(maxsize=1)
def _noise_levels(noise: float) -> NDArray[np.int16]:
    """Quantiles of the noise in whole grey levels."""
    from scipy.special import ndtri

    levels: NDArray[np.int16] = np.rint(255 * noise * ndtri((np.arange(QUANTILES) + 0.5) / QUANTILES)).astype(np.int16)
    return levels
