"""What drift and unusual pictures are recognised by: a thumbnail and a few measures of each picture."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.data.appearance import empty_appearance, measure_appearance

MEASURES = ("brightness", "contrast", "detail", "clipped", "colour")
"""Columns of `PictureFeatures.measures`.

brightness: mean grey level, 0..255.
contrast: standard deviation of the grey levels.
detail: mean absolute second difference of neighbouring pixels divided by the contrast; noise raises it, blur lowers it.
clipped: share of pixels that are black or white in all channels.
colour: mean distance of the channels from their mean, in grey levels; 0 for grey pictures.
"""


class PictureFeatures(NamedTuple):
    """Features of n pictures of the size of the network.

    thumbnails: reduced to 8 × 8 grey pixels, uint8, (n, 64).
    measures: one column per name in `MEASURES`, float32, (n, 5).
    """

    thumbnails: NDArray[np.uint8]
    measures: NDArray[np.float32]

    def of(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> "PictureFeatures":
        """The features of some pictures."""
        return PictureFeatures(self.thumbnails[rows], self.measures[rows])

    def joined(self) -> NDArray[np.float32]:
        """All features side by side, (n, 69)."""
        return np.concatenate([self.thumbnails, self.measures], axis=1, dtype=np.float32)


def picture_features(pixels: NDArray[np.uint8]) -> PictureFeatures:
    """Measure n pictures, uint8 (n, height, width, channels)."""
    seen = empty_appearance(len(pixels))
    measure_appearance(pixels, seen)
    # A matrix product and a loop over channels take a tenth of the time of `mean` over a last axis of three values.
    channels = pixels.shape[3]
    grey = np.matmul(pixels, np.full(channels, 1 / channels, np.float32), dtype=np.float32)
    colour = np.zeros(len(pixels), np.float32)
    for channel in range(channels) if channels > 1 else ():
        colour += np.abs(pixels[..., channel] - grey).mean(axis=(1, 2)) / channels
    brightness = grey.mean(axis=(1, 2))
    measures = np.stack([brightness, seen.deviation, seen.detail, seen.clipped, colour], axis=1)
    return PictureFeatures(seen.thumbnails, measures.astype(np.float32))
