"""Random flips, quarter turns and shifts of image batches: what leaves the class of a cell or a leaf as it is."""

import numpy as np
from numpy.typing import NDArray


def augment(
    batch: NDArray[np.uint8],
    rng: np.random.Generator,
    *,
    horizontal_flip: bool,
    vertical_flip: bool,
    quarter_turns: bool,
    shift: int,
) -> NDArray[np.uint8]:
    """The batch, b × height × width × channels, each image changed in its own way.

    Each flip happens to half of the images; of the four quarter turns each is as likely; the shift is any whole number
    of pixels from −`shift` to `shift` in either direction, and what it uncovers is filled by reflection.

    Raises `ValueError` for quarter turns of images that are not square, or a shift beyond the image.
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
    """Places beyond a side, mirrored at its first or last pixel, which is not repeated."""
    last = places.shape[1] - 1
    mirrored: NDArray[np.int64] = last - np.abs(last - np.abs(places))
    return mirrored


def _flipped(places: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Half of the rows of places, reversed."""
    flip = rng.random((len(places), 1)) < 0.5
    return np.where(flip, places[:, ::-1], places)
