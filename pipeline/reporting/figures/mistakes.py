"""Pictures made of pictures: the images a model is wrong about."""

import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from pipeline.reporting.figures.style import MUTED, WIDTH, hide_axes, new_figure, styled


@styled
def mistakes(pixels: np.ndarray, captions: Sequence[str], attribution: str) -> Figure:
    """Images in rows of three, each with its caption, and below them whose they are.

    Args:
        pixels: 8-bit, shape (images, height, width, channels) with 1 or 3 channels.
        captions: one for each image, wrapped after 23 letters.
        attribution: source and licence of the images.

    Raises:
        ValueError: the shape is another, or images and captions are not as many.
    """
    if pixels.ndim != 4 or pixels.shape[3] not in (1, 3) or len(pixels) != len(captions) or not captions:
        raise ValueError(
            "`pixels` must have shape (images, height, width, 1 or 3) with at least one image and a caption for each. "
            f"Received pixels {pixels.shape} and {len(captions)} captions."
        )
    columns = 3
    rows = -(-len(captions) // columns)
    height = (WIDTH - 0.25) / columns * pixels.shape[1] / pixels.shape[2]
    captions = [_wrapped(caption) for caption in captions]
    lines = max(caption.count("\n") + 1 for caption in captions)
    figure = new_figure(rows * (height + 0.15 * lines + 0.06) + 0.3)
    for axes in (panels := figure.subplots(rows, columns, squeeze=False).ravel()):
        hide_axes(axes)
    for axes, image, caption in zip(panels, pixels, captions, strict=False):
        gray = image.shape[2] == 1
        axes.imshow(image[..., 0] if gray else image, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        axes.set_title(caption, fontsize=7.5, fontweight="normal", pad=2)
    figure.supxlabel(attribution, fontsize=6.5, color=MUTED, wrap=True)
    return figure


def _wrapped(caption: str) -> str:
    """The caption in lines that do not run into the neighbour's."""
    return "\n".join(part for line in caption.splitlines() for part in textwrap.wrap(line, 23) or [""])
