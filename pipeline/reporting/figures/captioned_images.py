"""Images in rows, each with a caption: the misclassified images of a model."""

import textwrap
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from pipeline.reporting.figures.style import MUTED, WIDTH, hide_axes, new_figure, styled

COLUMNS = 3
CAPTION_WIDTH = 23
"""Characters per line, so that a caption does not overlap its neighbour."""


class CaptionedImages(NamedTuple):
    """8-bit pixels (images, height, width, channels), the wrapped caption of each image, and source and licence."""

    pixels: np.ndarray
    captions: tuple[str, ...]
    attribution: str


def captioned_images(pixels: np.ndarray, captions: Sequence[str], attribution: str) -> CaptionedImages:
    """Pair each image with its caption, wrapped to the width of the image.

    Args:
        pixels: 8-bit, shape (images, height, width, channels) with 1 or 3 channels.
        captions: one per image.
        attribution: source and licence of the images.

    Raises:
        ValueError: `pixels` has another shape, or the numbers of images and captions differ.
    """
    if pixels.ndim != 4 or pixels.shape[3] not in (1, 3) or len(pixels) != len(captions) or not captions:
        raise ValueError(
            "`pixels` must have shape (images, height, width, 1 or 3), with at least one image and one caption per "
            f"image. Received pixels {pixels.shape} and {len(captions)} captions."
        )
    return CaptionedImages(pixels, tuple(map(_wrapped, captions)), attribution)


def _wrapped(caption: str) -> str:
    return "\n".join(part for line in caption.splitlines() for part in textwrap.wrap(line, CAPTION_WIDTH) or [""])


@styled
def captioned_images_figure(values: CaptionedImages) -> Figure:
    """Draw the images in rows of three, captions above them and the attribution below the last row."""
    pixels, captions, attribution = values
    rows = -(-len(captions) // COLUMNS)
    height = (WIDTH - 0.25) / COLUMNS * pixels.shape[1] / pixels.shape[2]
    lines = max(caption.count("\n") + 1 for caption in captions)
    figure = new_figure(rows * (height + 0.15 * lines + 0.06) + 0.3)
    for axes in (panels := figure.subplots(rows, COLUMNS, squeeze=False).ravel()):
        hide_axes(axes)
    for axes, image, caption in zip(panels, pixels, captions, strict=False):
        gray = image.shape[2] == 1
        axes.imshow(image[..., 0] if gray else image, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        axes.set_title(caption, fontsize=7.5, fontweight="normal", pad=2)
    figure.supxlabel(attribution, fontsize=6.5, color=MUTED, wrap=True)
    return figure
