"""Convolution kernels as an image."""

import numpy as np

KERNELS = 64
TILE = 48
"""Largest side of an enlarged kernel in pixels; the actual side is a multiple of the kernel size."""
SEPARATOR = 3


def kernel_grid(kernels: np.ndarray) -> np.ndarray:
    """Arrange kernels side by side in an 8-bit image and enlarge every weight to a visible square.

    Each kernel is divided by its largest absolute weight: zero is mid-grey (128), and the weight of largest magnitude
    is white if it is positive and black if it is negative. Kernels with one channel are grey, kernels with three
    channels are coloured (first layers on RGB images). With any other number of channels, each kernel is a row that
    shows its first eight channels in grey on a common scale.

    Args:
        kernels: weights, shape (height, width, channels, n) with n ≥ 1; only the first 64 squares are shown.

    Returns:
        8-bit image of shape (H, W), or (H, W, 3) for three channels, with white separators.
    """
    height, width, channels = kernels.shape[:3]
    grey = grey_kernels(kernels)
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


def grey_kernels(kernels: np.ndarray) -> np.ndarray:
    """Grey levels of weights, each kernel divided by its largest absolute weight, in the same shape."""
    largest = np.abs(kernels).max(axis=(0, 1, 2), keepdims=True)
    scaled = np.divide(kernels, largest, out=np.zeros(kernels.shape), where=largest > 0)
    grey: np.ndarray = np.round(127.5 + 127.5 * scaled).astype(np.uint8)
    return grey


def _tiled(squares: np.ndarray, columns: int) -> np.ndarray:
    n, height, width, channels = squares.shape
    rows = -(-n // columns)
    down, right = height + SEPARATOR, width + SEPARATOR
    sheet = np.full((rows * down + SEPARATOR, columns * right + SEPARATOR, channels), 255, np.uint8)
    for index, square in enumerate(squares):
        top, left = SEPARATOR + index // columns * down, SEPARATOR + index % columns * right
        sheet[top : top + height, left : left + width] = square
    return sheet[..., 0] if channels == 1 else sheet
