"""Random flips, quarter turns and shifts of batches, for classes that do not depend on orientation or position."""

import numpy as np
from numpy.typing import NDArray


def flipped_turned_shifted(
    batch: NDArray[np.uint8],
    rng: np.random.Generator,
    *,
    horizontal_flip: bool,
    vertical_flip: bool,
    quarter_turns: bool,
    shift: int,
) -> NDArray[np.uint8]:
    """Change each image of a batch independently; the batch has shape (b, height, width, channels).

    Each flip has probability 1/2, and each of the four quarter turns 1/4. Rows and columns are shifted by a uniformly
    random whole number of pixels from −`shift` to `shift`; the border is filled by reflection.

    Raises:
        ValueError: quarter turns of images that are not square, or a shift larger than the image.
    """
    images, height, width, _ = batch.shape
    if quarter_turns and height != width:
        raise ValueError(f"`quarter_turns` must be off unless images are square. Received {height}×{width} pixels.")
    if not 0 <= shift < min(height, width):
        raise ValueError(f"`shift` must lie in 0..{min(height, width) - 1} pixels. Received {shift}.")
    changed = _shifted(batch, rng, shift) if shift else batch.copy()
    for flips, axis in ((horizontal_flip, 2), (vertical_flip, 1)):
        if flips:
            flipped = rng.random(images) < 0.5
            changed[flipped] = np.flip(changed[flipped], axis)
    if quarter_turns:
        turns = rng.integers(4, size=images)
        for quarters in (1, 2, 3):
            turned = turns == quarters
            changed[turned] = np.rot90(changed[turned], quarters, axes=(1, 2))
    return changed


def _shifted(batch: NDArray[np.uint8], rng: np.random.Generator, shift: int) -> NDArray[np.uint8]:
    height, width = batch.shape[1:3]
    padded = np.pad(batch, ((0, 0), (shift, shift), (shift, shift), (0, 0)), mode="reflect")
    corners = [rng.integers(-shift, shift, size=len(batch), endpoint=True) + shift for _ in range(2)]
    cut = [image[top : top + height, left : left + width] for image, top, left in zip(padded, *corners, strict=True)]
    return np.stack(cut)
