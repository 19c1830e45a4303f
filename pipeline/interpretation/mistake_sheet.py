"""Grad-CAM on the most confident mistakes of a network."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.counts import percentage
from pipeline.errors import UserError
from pipeline.interpretation.grad_cam import grad_cam
from pipeline.interpretation.labelled_sheet import Band
from pipeline.interpretation.mistakes import worst_mistakes
from pipeline.interpretation.subject import Replicate

MISTAKES = 5
VIRIDIS = np.array([(68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37)])
"""Colours from 0 to the largest value, those of the figures of `convtrack predict --explain`."""
OPACITY = 0.6
"""Of the colours over the image."""

Floats = NDArray[np.float32]


def mistake_bands(replicate: Replicate, inputs: Floats, probabilities: Floats, names: Sequence[str]) -> list[Band]:
    """The most confident mistakes, each with Grad-CAM of the predicted class and of the true class.

    Both maps of an image have one scale, from 0 to the largest value of the two. Empty without a mistake, and for a
    network without maps.

    Args:
        replicate: the trained network and its test images.
        inputs: the standardised test images.
        probabilities: the predictions, (images, classes).
        names: of the classes.
    """
    truth, predicted = replicate.labels, probabilities.argmax(axis=1)
    wrong = worst_mistakes(truth, probabilities, MISTAKES)
    shown: list[list[NDArray[np.uint8]]] = []
    for image in wrong:
        try:
            maps = [
                grad_cam(replicate.network, inputs[image], int(label)) for label in (predicted[image], truth[image])
            ]
        except UserError:
            return []
        largest = float(np.max(maps)) or 1.0
        shown.append([heated(replicate.pixels[image], one / largest) for one in maps])
    if not shown:
        return []
    captions = [
        f"{names[truth[image]]} → {names[predicted[image]]}\n{percentage(probabilities[image].max())}"
        for image in wrong
    ]
    return [
        Band("true class → predicted class, confidence", [list(replicate.pixels[wrong])], captions),
        Band("yellow: parts that increase the score of the predicted class", [[maps[0] for maps in shown]]),
        Band("yellow: parts that increase the score of the true class, same scale", [[maps[1] for maps in shown]]),
    ]


def heated(pixels: NDArray[np.uint8], shares: Floats) -> NDArray[np.uint8]:
    """The image in grey with a map (height, width) of shares from 0 to 1 in colour over it."""
    grey = pixels.mean(axis=2, keepdims=True)
    places = np.linspace(0, 1, len(VIRIDIS))
    colours = np.stack([np.interp(shares, places, channel) for channel in VIRIDIS.T], axis=-1)
    blended: NDArray[np.uint8] = np.round((1 - OPACITY) * grey + OPACITY * colours).astype(np.uint8)
    return blended
