"""Changes of test images whose effect on the accuracy can be measured, because the true classes are known."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pipeline.data.sources import digits
from pipeline.deployment.changed_pictures import CHANGES, Pixels, shifted


class Changed(NamedTuple):
    """Pictures with their true classes, uint8 (n, height, width, channels) and int64 (n,)."""

    name: str
    pixels: Pixels
    labels: NDArray[np.int64]


def rotated(pixels: Pixels, *, degrees: float) -> Pixels:
    """Rotate the content of images; the pixels at the border are repeated."""
    turned: Pixels = ndimage.rotate(pixels, degrees, axes=(1, 2), reshape=False, order=1, mode="nearest")
    return turned


def blurred(pixels: Pixels, *, deviation: float) -> Pixels:
    """Average neighbouring pixels with Gaussian weights."""
    smooth: Pixels = ndimage.gaussian_filter(pixels, (0, deviation, deviation, 0))
    return smooth


def noisy(pixels: Pixels, *, deviation: float) -> Pixels:
    """Add normally distributed noise."""
    noise = np.random.default_rng(0).normal(0, deviation, pixels.shape)
    return np.rint(pixels + noise).clip(0, 255).astype(np.uint8)


def _inverted(pixels: Pixels) -> Pixels:
    return 255 - pixels


def _darker(pixels: Pixels) -> Pixels:
    return (pixels * 0.75).astype(np.uint8)


PICTURE_CHANGES: dict[str, Callable[[Pixels], Pixels]] = {
    **{f"shifted right by {distance} px": partial(shifted, down=0, right=distance) for distance in (1, 2, 4)},
    **{f"rotated by {degrees}°": partial(rotated, degrees=degrees) for degrees in (10, 20, 90, 180)},
    "three quarters as bright": _darker,
    **CHANGES,
    "blurred (standard deviation 2 pixels)": partial(blurred, deviation=2),
    "noisy (standard deviation 10 grey levels)": partial(noisy, deviation=10),
    "noisy (standard deviation 75 grey levels)": partial(noisy, deviation=75),
    "inverted": _inverted,
}


def changed_images(pixels: Pixels, labels: NDArray[np.int64], classes: tuple[str, ...]) -> Iterator[Changed]:
    """The images unchanged, with other class shares, with each change, and other digits if the classes are digits."""
    yield Changed("unchanged", pixels, labels)
    rows = labels < max(1, len(classes) // 3)
    yield Changed(f"only classes {', '.join(classes[: max(1, len(classes) // 3)])}", pixels[rows], labels[rows])
    for name, change in PICTURE_CHANGES.items():
        yield Changed(name, change(pixels), labels)
    if pixels.shape[1] == pixels.shape[2] and classes == tuple("0123456789"):
        yield _other_digits(len(labels), pixels.shape[1:])


def _other_digits(count: int, shape: tuple[int, ...]) -> Changed:
    """Handwritten digits of another collection, enlarged to the size of the images."""
    other = digits.load(size=shape[0])
    rows = np.random.default_rng(0).permutation(len(other.labels))[:count]
    pixels = np.asarray(other.pixels[:])[rows].repeat(shape[2], axis=3)
    return Changed("digits of another data set (8×8 enlarged)", pixels, other.labels[rows])
