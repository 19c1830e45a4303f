"""Shifted and rotated copies of images of one size, each image by its own amount.

A shift that is not circular moves content out of the image, and the pixels at the border are repeated in the space that
it leaves. The alternatives are worse: a constant makes an edge that no photograph has, and a reflection shows the same
object twice. Zhang 2019 avoids the choice by cropping larger images, but prepared images have the size of the network.
Where the border has one grey level, as around digits, repeated pixels are what a larger image would show
(`uniform_border`). A circular shift loses nothing: what leaves the image enters it at the opposite side. Networks with
circular padding treat it exactly, so it is the control.

Shapes: pixels (n, height, width, channels), offsets (n, 2) in pixels, positive downwards and to the right. The results
of an interpolation are 32-bit and may lie outside 0 to 255, because clipping would not be a shift.
"""

from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray

Pixels = NDArray[Any]
Floats = NDArray[np.float32]
Offsets = NDArray[Any]

STEP = 1 / 32
"""Pixels: OpenCV interpolates at multiples of this distance, so `bicubic_shift` is exact for such offsets only."""


def edge_shift(pixels: Pixels, offsets: Offsets) -> Pixels:
    """Shift by whole pixels and repeat the pixels at the border.

    >>> edge_shift(np.array([[1, 2], [3, 4]]).reshape(1, 2, 2, 1), np.array([[0, 1]])).reshape(2, 2).tolist()
    [[1, 1], [3, 3]]
    """
    height, width = pixels.shape[1:3]
    rows, columns = _sources(pixels, offsets)
    return _taken(pixels, rows.clip(0, height - 1), columns.clip(0, width - 1))


def circular_shift(pixels: Pixels, offsets: Offsets) -> Pixels:
    """Shift by whole pixels; what leaves the image enters it at the opposite side.

    >>> circular_shift(np.array([[1, 2], [3, 4]]).reshape(1, 2, 2, 1), np.array([[1, 0]])).reshape(2, 2).tolist()
    [[3, 4], [1, 2]]
    """
    height, width = pixels.shape[1:3]
    rows, columns = _sources(pixels, offsets)
    return _taken(pixels, rows % height, columns % width)


def bicubic_shift(pixels: Pixels, offsets: Offsets) -> Floats:
    """Shift by any distance with bicubic interpolation (Keys 1981, a = −0.75) and repeat the pixels at the border."""
    matrices = [np.array([[1, 0, right], [0, 1, down]], np.float64) for down, right in offsets]
    return _warped(pixels, matrices)


def phase_shift(pixels: Pixels, offsets: Offsets) -> Floats:
    """Shift circularly by any distance: interpolate with the trigonometric polynomial through the pixels.

    Each frequency of the image is multiplied by a phase that grows with the frequency (shift theorem). The highest
    frequency of an even side stands for two phases, of which the mean is taken, so that the result is real. A whole
    number of pixels gives `circular_shift`.
    """
    height, width = pixels.shape[1:3]
    spectrum = scipy.fft.rfft2(pixels.astype(np.float32), axes=(1, 2))
    down = _phases(scipy.fft.fftfreq(height), offsets[:, 0])
    right = _phases(scipy.fft.rfftfreq(width), offsets[:, 1])
    spectrum *= down[:, :, np.newaxis, np.newaxis] * right[:, np.newaxis, :, np.newaxis]
    shifted: Floats = scipy.fft.irfft2(spectrum, s=(height, width), axes=(1, 2))
    return shifted


def rotated(pixels: Pixels, degrees: NDArray[np.floating[Any]]) -> Floats:
    """Rotate counter-clockwise about the centre with bicubic interpolation and repeat the pixels at the border."""
    # OpenCV is imported where it is used, because its import takes 0.1 s.
    import cv2

    height, width = pixels.shape[1:3]
    centre = ((width - 1) / 2, (height - 1) / 2)
    return _warped(pixels, [cv2.getRotationMatrix2D(centre, float(angle), 1.0) for angle in degrees])


def uniform_border(pixels: Pixels) -> NDArray[np.int64]:
    """The width in pixels of the border of each image that has a single grey level or colour, shape (n,).

    Up to this distance `edge_shift` moves only the border out of the image, and adds nothing that was not there.

    >>> uniform_border(np.pad(np.ones((1, 2, 2, 1)), ((0, 0), (3, 3), (4, 3), (0, 0)))).tolist()
    [3]
    """
    height, width = pixels.shape[1:3]
    row, column = np.ogrid[:height, :width]
    ring = np.minimum(np.minimum(row, height - 1 - row), np.minimum(column, width - 1 - column))
    differs = (pixels != pixels[:, :1, :1]).any(axis=3)
    border: NDArray[np.int64] = np.where(differs, ring, ring.max() + 1).min(axis=(1, 2))
    return border


def _sources(pixels: Pixels, offsets: Offsets) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The row (n, height) and the column (n, width) that each pixel of the result comes from, unbounded."""
    height, width = pixels.shape[1:3]
    return np.arange(height) - offsets[:, :1], np.arange(width) - offsets[:, 1:]


def _taken(pixels: Pixels, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> Pixels:
    image = np.arange(len(pixels))[:, np.newaxis, np.newaxis]
    return pixels[image, rows[:, :, np.newaxis], columns[:, np.newaxis, :]]


def _phases(frequencies: NDArray[np.float64], distances: Offsets) -> NDArray[np.complex64]:
    """The factor of each frequency, in cycles per pixel, for each distance: shape (n, frequencies)."""
    phases = np.exp(-2j * np.pi * distances[:, np.newaxis] * frequencies)
    return np.where(np.abs(frequencies) == 0.5, phases.real, phases).astype(np.complex64)


def _warped(pixels: Pixels, matrices: list[Any]) -> Floats:
    import cv2

    height, width = pixels.shape[1:3]
    source = np.ascontiguousarray(pixels, np.float32)
    changed = np.empty_like(source)
    for image, matrix, place in zip(source, matrices, changed, strict=True):
        warped = cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        place[...] = warped.reshape(place.shape)
    return changed
