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
    rows, columns = (np.tile(np.arange(side), (images, 1)) for side in (height, width))
    if shift:
        rows, columns = (
            _reflected(places + rng.integers(-shift, shift, size=(images, 1), endpoint=True))
            for places in (rows, columns)
        )
    if horizontal_flip:
        columns = _flipped(columns, rng)
    if vertical_flip:
        rows = _flipped(rows, rng)
    changed = batch[np.arange(images)[:, None, None], rows[:, :, None], columns[:, None, :]]
    if quarter_turns:
        turns = rng.integers(4, size=images)
        for quarters in (1, 2, 3):
            turned = turns == quarters
            changed[turned] = np.rot90(changed[turned], quarters, axes=(1, 2))
    return changed


def _reflected(places: NDArray[np.int64]) -> NDArray[np.int64]:
    """Reflect positions outside the image at its first or last pixel, without repeating that pixel."""
    last = places.shape[1] - 1
    mirrored: NDArray[np.int64] = last - np.abs(last - np.abs(places))
    return mirrored


def _flipped(places: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Reverse each row of positions with probability 1/2."""
    flip = rng.random((len(places), 1)) < 0.5
    return np.where(flip, places[:, ::-1], places)
