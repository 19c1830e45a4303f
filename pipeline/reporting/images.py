"""Pictures made of pictures: the images a model is wrong about, and its kernels."""

import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from pipeline.reporting.figures import MUTED, WIDTH, hide_axes, new_figure, styled

KERNELS = 64
# Side in pixels that a kernel is enlarged to, as nearly as whole factors allow.
TILE = 48
SEPARATOR = 3


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
    figure = new_figure(rows * (height + 0.13 * lines + 0.06) + 0.3)
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


def kernel_grid(kernels: np.ndarray) -> np.ndarray:
    """Kernels side by side as an 8-bit image, enlarged so that every weight is a visible square.

    Each kernel is divided by its own largest magnitude, so that zero is mid-grey (128), and the strongest
    positive weight white or the strongest negative one black. Kernels on one channel are grey, on three coloured
    (first layers on RGB images). Of any other number of channels each kernel gets a row with its first eight
    channels in grey, all on one scale.

    Args:
        kernels: weights, shape (height, width, channels, n), n ≥ 1; at most the first 64 squares are shown.

    Returns:
        Shape (H, W), or (H, W, 3) for three channels; separators are white.
    """
    height, width, channels = kernels.shape[:3]
    largest = np.abs(kernels).max(axis=(0, 1, 2), keepdims=True)
    scaled = np.divide(kernels, largest, out=np.zeros(kernels.shape), where=largest > 0)
    grey = np.round(127.5 + 127.5 * scaled).astype(np.uint8)
    if channels in (1, 3):
        squares = np.moveaxis(grey, 3, 0)[:KERNELS]
        columns = int(np.ceil(np.sqrt(len(squares))))
    else:
        columns = min(channels, 8)
        by_kernel = np.transpose(grey[:, :, :columns], (3, 2, 0, 1))
        squares = by_kernel[: KERNELS // columns].reshape(-1, height, width, 1)
    factor = max(1, TILE // max(height, width))
    enlarged = squares.repeat(factor, axis=1).repeat(factor, axis=2)
    return _tiled(enlarged, columns)


def _tiled(squares: np.ndarray, columns: int) -> np.ndarray:
    n, height, width, channels = squares.shape
    rows = -(-n // columns)
    down, right = height + SEPARATOR, width + SEPARATOR
    sheet = np.full((rows * down + SEPARATOR, columns * right + SEPARATOR, channels), 255, np.uint8)
    for index, square in enumerate(squares):
        top, left = SEPARATOR + index // columns * down, SEPARATOR + index % columns * right
        sheet[top : top + height, left : left + width] = square
    return sheet[..., 0] if channels == 1 else sheet
