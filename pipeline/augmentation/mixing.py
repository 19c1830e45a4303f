"""Mix-up (Zhang et al. 2018) and cut-mix (Yun et al. 2019): an image and its label are mixed with those of another.

A label becomes the probabilities of the classes: with share λ of the image itself and 1 − λ of its partner, a loss that
is linear in the probabilities, such as the cross-entropy, is λ times that of its own label plus 1 − λ times that of its
partner's label.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


class Mixture(NamedTuple):
    """How b images are mixed with images of the same batch.

    partners: the position of the other image, integers of shape (b,).
    mask: the share of the image itself at each pixel, (b, height, width, 1), or (b, 1, 1, 1) if all pixels have one.
    shares: the share of the image itself, (b,).
    """

    partners: NDArray[np.int64]
    mask: Floats
    shares: Floats

    def inputs(self, column: Floats) -> Floats:
        """Mix an input column: images (b, height, width, channels), or vectors (b, m) by the share of each image."""
        own = self.mask if column.ndim == 4 else self.shares[:, np.newaxis]
        if own.shape[1:3] == column.shape[1:3] and column.shape[-1] > 1:
            # NumPy takes five times as long to apply one value to three channels.
            own = np.repeat(own, column.shape[-1], axis=-1)
        mixed = column[self.partners]
        mixed *= 1 - own
        mixed += own * column
        return mixed

    def targets(self, probabilities: Floats, weights: Floats | None) -> tuple[Floats, Floats | None]:
        """Mix probabilities (b, units) and the weights of b examples, or None if all weigh the same.

        The weighted loss of a mixed example is the sum of the weighted losses of both labels, by their shares.
        """
        if weights is None:
            own, other, total = self.shares, 1 - self.shares, np.ones_like(self.shares)
        else:
            own, other = self.shares * weights, (1 - self.shares) * weights[self.partners]
            total = own + other
        # With weight 0 the probabilities have no effect, but must be finite.
        scale = np.where(total > 0, total, np.float32(1))
        of_both = (own / scale)[:, None] * probabilities + (other / scale)[:, None] * probabilities[self.partners]
        return of_both.astype(np.float32), None if weights is None else total


def mixture(rng: np.random.Generator, images: int, height: int, width: int, *, mixup: float, cutmix: float) -> Mixture:
    """Draw how the images of a batch are mixed.

    The share of each image has the distribution Beta(α, α) with α = `mixup` or `cutmix`; 0 switches one off. With both,
    each image has probability 1/2 for either. For cut-mix, a rectangle with the aspect ratio of the image comes from
    the partner. Its centre is uniformly random, and the share is that of the pixels outside of it.
    """
    partners = rng.permutation(images)
    if not cutmix:
        shares = rng.beta(mixup, mixup, images).astype(np.float32)
        return Mixture(partners, shares.reshape(-1, 1, 1, 1), shares)
    mask = _outside_of_rectangles(rng, images, height, width, cutmix)
    if mixup:
        shares = rng.beta(mixup, mixup, images).astype(np.float32)
        mask = np.where(rng.random((images, 1, 1, 1)) < 0.5, shares.reshape(-1, 1, 1, 1), mask)
    return Mixture(partners, mask, mask.mean(axis=(1, 2, 3)))


def _outside_of_rectangles(rng: np.random.Generator, images: int, height: int, width: int, alpha: float) -> Floats:
    sides = np.sqrt(1 - rng.beta(alpha, alpha, images))
    limits: list[Any] = []
    for length in (height, width):
        half = (length * sides).astype(np.int64)[:, None] / 2
        centres = rng.integers(length, size=(images, 1))
        places = np.arange(length)[None]
        limits.append((places >= np.floor(centres - half)) & (places < np.floor(centres + half)))
    rows, columns = limits
    mask: Floats = np.float32(1) - (rows[:, :, None, None] & columns[:, None, :, None])
    return mask
