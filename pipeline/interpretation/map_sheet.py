"""The feature maps of one image as a labelled picture: one row for each block, from near the image to the output."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

COLUMNS = 8
"""The first maps of a block are shown, so that a column is the same unit in the pictures of all epochs."""
TILE, LEAST = 56, 12
"""Sides of a tile in pixels: about the larger one, and the smaller one at least."""
GAP, LABEL = 4, 18
FONT = ImageFont.load_default(12)


def map_sheet(image: NDArray[np.uint8], names: Sequence[str], maps: Sequence[NDArray[np.float32]]) -> NDArray[np.uint8]:
    """Draw an image and below it the first maps of each block.

    All maps of a block have one scale: black is 0 and white is the largest value. If a block has negative values, grey
    is 0, and black and white are minus and plus the largest magnitude.

    Args:
        image: shape (height, width, channels) with 1 or 3 channels; other images are drawn by their first channel.
        names: of the blocks.
        maps: of each block, shape (rows, columns, maps).

    Returns:
        8-bit picture of shape (H, W), or (H, W, 3) if the image is in colour.
    """
    grey = image.shape[-1] != 3
    rows = [("image", [_tile(image[..., :1] if grey else image)])]
    for name, block in zip(names, maps, strict=True):
        shown = scaled_maps(block[..., :COLUMNS])
        count, (height, width) = block.shape[-1], block.shape[:2]
        label = f"{name}: {count} maps of {height} x {width}" + (f", the first {COLUMNS}" if count > COLUMNS else "")
        rows.append((label, [_tile(shown[..., number : number + 1]) for number in range(shown.shape[-1])]))
    heights = [LABEL + tiles[0].height + GAP for _, tiles in rows]
    sheet = Image.new("L" if grey else "RGB", (_width(rows), sum(heights) + GAP), "white")
    pen = ImageDraw.Draw(sheet)
    top = 0
    for (label, tiles), height in zip(rows, heights, strict=True):
        pen.text((GAP, top + 1), label, "black", FONT)
        for column, tile in enumerate(tiles):
            sheet.paste(tile, (GAP + column * (tile.width + GAP), top + LABEL))
        top += height
    return np.asarray(sheet)


def _width(rows: Sequence[tuple[str, Sequence[Image.Image]]]) -> int:
    """The width of the sheet in pixels. It depends on the network only, so that sheets of all epochs are equal."""
    tiles = max(GAP + len(tiles) * (tiles[0].width + GAP) for _, tiles in rows)
    return max(tiles, *(2 * GAP + int(FONT.getlength(label)) for label, _ in rows))


def scaled_maps(maps: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Grey levels of the maps of one block; values that are not finite are drawn as 0."""
    finite = np.nan_to_num(maps, nan=0, posinf=0, neginf=0)
    largest = float(np.abs(finite).max()) or 1.0
    shares = finite / largest
    if shares.min() < 0:
        shares = (shares + 1) / 2
    grey: NDArray[np.uint8] = np.rint(255 * shares).astype(np.uint8)
    return grey


def _tile(values: NDArray[np.uint8]) -> Image.Image:
    """An image of 1 or 3 channels, enlarged by whole factors, or reduced if it is larger than a tile."""
    picture = Image.fromarray(values[..., 0] if values.shape[-1] == 1 else values)
    factor = TILE / max(picture.size)
    if factor < 1:
        size = [max(LEAST, round(side * factor)) for side in picture.size]
        return picture.resize((size[0], size[1]), Image.Resampling.BOX)
    enlarged = [max(int(factor) * side, -(-LEAST // side) * side) for side in picture.size]
    return picture.resize((enlarged[0], enlarged[1]), Image.Resampling.NEAREST)
