"""How often a network is right if pictures are shifted, mirrored, darker, blurred or noisy.

The changes are those that a camera or a person makes, applied to images of the network's size. They are not those of
training (`pipeline.augmentation`): each has a fixed strength, so that the accuracies of two networks can be compared.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Pixels = NDArray[np.uint8]  # n, height, width, channels
Predict = Callable[[Pixels], NDArray[np.floating[Any]]]
"""From images to probabilities (n, classes)."""

MOST = 500
"""Images that are changed, at most."""
DISTANCES = (1, 2, 3, 4)
"""Shifts in pixels."""
DIRECTIONS = tuple((down, right) for down in (-1, 0, 1) for right in (-1, 0, 1) if (down, right) != (0, 0))


class Accuracy(NamedTuple):
    """The share of images with the right class after a change; `lowest` is that of the worst of several directions."""

    change: str
    mean: float
    lowest: float


def shifted(pixels: Pixels, down: int, right: int) -> Pixels:
    """Move the content of images; the pixels at the border are repeated.

    >>> shifted(np.array([[1, 2], [3, 4]], np.uint8).reshape(1, 2, 2, 1), 0, 1).reshape(2, 2).tolist()
    [[1, 1], [3, 3]]
    """
    height, width = pixels.shape[1:3]
    rows = np.clip(np.arange(height) - down, 0, height - 1)
    columns = np.clip(np.arange(width) - right, 0, width - 1)
    return pixels[:, rows][:, :, columns]


def _mirrored(pixels: Pixels) -> Pixels:
    return pixels[:, :, ::-1]


def _upside_down(pixels: Pixels) -> Pixels:
    return pixels[:, ::-1]


def _darker(pixels: Pixels) -> Pixels:
    return pixels // 2


def _blurred(pixels: Pixels) -> Pixels:
    blurred: Pixels = ndimage.gaussian_filter(pixels, (0, 1, 1, 0))
    return blurred


def _noisy(pixels: Pixels) -> Pixels:
    noise = np.random.default_rng(0).normal(0, 25, pixels.shape)
    return np.rint(pixels + noise).clip(0, 255).astype(np.uint8)


CHANGES: dict[str, Callable[[Pixels], Pixels]] = {
    "mirrored": _mirrored,
    "upside down": _upside_down,
    "half as bright": _darker,
    "blurred (standard deviation 1 pixel)": _blurred,
    "noisy (standard deviation 25 grey levels)": _noisy,
}


def accuracies(predict: Predict, pixels: Pixels, labels: NDArray[np.int64]) -> list[Accuracy]:
    """The accuracy for unchanged images, for shifts in eight directions and for each of `CHANGES`."""

    def accuracy(changed: Pixels) -> float:
        return float((predict(changed).argmax(axis=1) == labels).mean())

    unchanged = accuracy(pixels)
    found = [Accuracy("unchanged", unchanged, unchanged)]
    for distance in DISTANCES:
        values = [accuracy(shifted(pixels, distance * down, distance * right)) for down, right in DIRECTIONS]
        pixel = "pixel" if distance == 1 else "pixels"
        found.append(Accuracy(f"shifted by {distance} {pixel}", float(np.mean(values)), min(values)))
    for name, change in CHANGES.items():
        value = accuracy(change(pixels))
        found.append(Accuracy(name, value, value))
    return found


def spread_out(images: NDArray[np.int64]) -> NDArray[np.int64]:
    """Up to `MOST` of the images, at equal distances."""
    if len(images) <= MOST:
        return images
    return images[np.linspace(0, len(images) - 1, MOST).astype(np.int64)]
