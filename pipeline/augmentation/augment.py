"""All random changes of a batch of images that keep their labels, one after the other."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.augmentation.erasing import with_holes
from pipeline.augmentation.intensities import with_changed_light, with_noise
from pipeline.augmentation.symmetries import flipped_turned_shifted
from pipeline.augmentation.warping import rotated_zoomed


def augment(
    batch: NDArray[np.uint8],
    rng: np.random.Generator,
    *,
    horizontal_flip: bool = False,
    vertical_flip: bool = False,
    quarter_turns: bool = False,
    shift: int = 0,
    rotate: float = 0,
    zoom: float = 0,
    brightness: float = 0,
    contrast: float = 0,
    noise: float = 0,
    cutout: float = 0,
    fill: Sequence[int] = (127,),
) -> NDArray[np.uint8]:
    """Augment each image of a batch independently; the batch has shape (b, height, width, channels).

    The functions of this package explain the settings. A setting that is off draws no random number, so it does not
    change the results of the others.

    Raises:
        ValueError: quarter turns of images that are not square, or a shift larger than the image.
    """
    if horizontal_flip or vertical_flip or quarter_turns or shift:
        batch = flipped_turned_shifted(
            batch,
            rng,
            horizontal_flip=horizontal_flip,
            vertical_flip=vertical_flip,
            quarter_turns=quarter_turns,
            shift=shift,
        )
    if rotate or zoom:
        batch = rotated_zoomed(batch, rng, rotate=rotate, zoom=zoom)
    if brightness or contrast:
        batch = with_changed_light(batch, rng, brightness=brightness, contrast=contrast)
    if noise:
        batch = with_noise(batch, rng, noise=noise)
    if cutout:
        batch = with_holes(batch, rng, cutout=cutout, fill=fill)
    return batch
