"""Random brightness, contrast and noise of batches."""

import numpy as np
from numpy.typing import NDArray


def with_changed_intensities(
    batch: NDArray[np.uint8], rng: np.random.Generator, *, brightness: float, contrast: float, noise: float
) -> NDArray[np.uint8]:
    """Change the grey levels of each image of a batch; the batch has shape (b, height, width, channels).

    The difference of a pixel from the mean of its image and channel is multiplied by a uniformly random factor from
    1 − `contrast` to 1 + `contrast`. Then a uniformly random value from −`brightness` to `brightness` is added to all
    pixels, and Gaussian noise with standard deviation `noise` to each value. `brightness` and `noise` are shares of the
    range, 255 grey levels. Results outside of the range are set to its ends.
    """
    each = (len(batch), 1, 1, 1)
    changed = batch.astype(np.float32)
    if contrast:
        means = changed.mean(axis=(1, 2), keepdims=True)
        changed = (changed - means) * rng.uniform(1 - contrast, 1 + contrast, each).astype(np.float32) + means
    if brightness:
        changed += 255 * rng.uniform(-brightness, brightness, each).astype(np.float32)
    if noise:
        changed += np.float32(255 * noise) * rng.standard_normal(batch.shape, np.float32)
    return np.rint(changed).clip(0, 255).astype(np.uint8)
