"""Sheets of small images with labels, as PNG: bands of tiles, each below a heading.

A sheet is drawn for twice the width that a report shows, so that text stays sharp.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

COLUMNS = 10
TILE, GAP, MARGIN = 90, 6, 8
"""Pixels: the side of a tile's place, the distance between tiles, and the border of the sheet."""
FRAME = 3
COLOURS = 128
"""In a PNG."""
TITLE, HEADING, CAPTION = 24, 22, 18
"""Sizes of the letters in pixels."""
THINNEST = 1 / 5
"""An image that is narrower in relation to its length is widened, so that signals of one row can be seen."""

INK, MUTED, FRAMED = (27, 31, 36), (104, 112, 123), (0, 114, 178)
EMPTY = (211, 216, 222)
"""Colour of what lies outside an image."""

Tile = NDArray[np.uint8]
"""Grey levels (height, width), or (height, width, channels) with 1 or 3 channels."""


class Band(NamedTuple):
    """Rows of tiles below a heading, with a caption above each column; the tiles of `framed` rows have a blue frame.

    The lines of a caption are joined with a comma if a tile is wide enough. Otherwise, each gets one or two lines.
    """

    heading: str
    rows: Sequence[Sequence[Tile]]
    captions: Sequence[str] = ()
    framed: int = 0


def labelled_sheet(title: str, bands: Sequence[Band], *, columns: int = COLUMNS) -> bytes:
    """Return a sheet as PNG on white; equal sheets give equal bytes.

    Args:
        title: what the sheet shows; long titles are wrapped.
        bands: from top to bottom. A row has at most `columns` tiles, which are as large as the width of the sheet
            allows: fewer columns give larger tiles.
        columns: tiles side by side.
    """
    width = 2 * MARGIN + COLUMNS * (TILE + GAP) - GAP
    side = (width - 2 * MARGIN + GAP) // columns - GAP
    heading = [_wrapped(title, TITLE, width - 2 * MARGIN)]
    parts = [_text(line, TITLE, width) for lines in heading for line in lines]
    for band in bands:
        parts.extend(_drawn(band, side, width))
    parts.append(Image.new("RGB", (width, MARGIN), "white"))
    sheet = Image.new("RGB", (width, sum(part.height for part in parts)), "white")
    top = 0
    for part in parts:
        sheet.paste(part, (0, top))
        top += part.height
    buffer = BytesIO()
    # Half the size; no reader can tell the sheets apart.
    reduced = sheet.quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    reduced.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def letters(text: str, otherwise: str) -> str:
    """The text if the font of the sheets has all its letters; Chinese, for example, is missing.

    >>> letters("Größe", "class 2"), letters("大", "class 2")
    ('Größe', 'class 2')
    """
    missing = bytes(_font(CAPTION).getmask("\U0010ffff"))
    return otherwise if any(bytes(_font(CAPTION).getmask(letter)) == missing for letter in text) else text


def enlarged(tile: Tile, side: int) -> Image.Image:
    """An image as large as fits into a square: by a whole factor, so that pixels stay equal squares, where it can.

    Args:
        tile: pixels; a side of less than a fifth of the other one is widened to a fifth.
        side: of the square in pixels.
    """
    height, width = tile.shape[:2]
    channels = np.repeat(tile[..., np.newaxis] if tile.ndim == 2 else tile, 3, axis=2) if _is_grey(tile) else tile
    image = Image.fromarray(np.ascontiguousarray(channels[..., :3]))
    scale = side / max(height, width)
    scale = int(scale) if scale >= 2 else scale
    sides = [max(round(one * scale), round(max(height, width) * scale * THINNEST)) for one in (width, height)]
    method = Image.Resampling.NEAREST if scale >= 2 else Image.Resampling.BOX
    return image.resize((sides[0], sides[1]), method)


def _is_grey(tile: Tile) -> bool:
    return tile.ndim == 2 or tile.shape[2] == 1


def _drawn(band: Band, side: int, width: int) -> Iterator[Image.Image]:
    """The heading, the captions and the rows of a band."""
    yield Image.new("RGB", (width, GAP), "white")
    if band.heading:
        for line in _wrapped(band.heading, HEADING, width - 2 * MARGIN):
            yield _text(line, HEADING, width)
    captions = [_caption_lines(caption, side) for caption in band.captions]
    for number in range(max(map(len, captions), default=0)):
        strip = Image.new("RGB", (width, CAPTION + 6), "white")
        for left, lines in zip(_lefts(side), captions, strict=False):
            shown = lines[number] if number < len(lines) else ""
            ImageDraw.Draw(strip).text((left + side / 2, 0), shown, MUTED, _font(CAPTION), anchor="ma")
        yield strip
    for number, row in enumerate(band.rows):
        images = [enlarged(tile, side - 2 * FRAME) for tile in row]
        height = max((image.height for image in images), default=0) + 2 * FRAME
        strip = Image.new("RGB", (width, height + (GAP if number < band.framed else 2)), "white")
        for left, image in zip(_lefts(side), images, strict=False):
            corner = left + (side - image.width) // 2, (height - image.height) // 2
            edge, colour = (FRAME, FRAMED) if number < band.framed else (1, EMPTY)
            frame = Image.new("RGB", (image.width + 2 * edge, image.height + 2 * edge), colour)
            strip.paste(frame, (corner[0] - edge, corner[1] - edge))
            strip.paste(image, corner)
        yield strip


def _lefts(side: int) -> Iterator[int]:
    left = MARGIN
    while True:
        yield left
        left += side + GAP


def _text(line: str, size: int, width: int) -> Image.Image:
    strip = Image.new("RGB", (width, size + 8), "white")
    ImageDraw.Draw(strip).text((MARGIN, 4), line, INK, _font(size))
    return strip


def _wrapped(text: str, size: int, width: int) -> list[str]:
    """The lines of a text that fit into a width in pixels."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if _font(size).getlength(longer) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _caption_lines(caption: str, width: int) -> list[str]:
    """The caption in one line, or its lines, each in at most two lines that fit into a width in pixels."""
    joined = caption.replace("\n", ", ")
    if _font(CAPTION).getlength(joined) <= width:
        return [joined]
    lines = []
    for line in caption.splitlines():
        first, *others = _wrapped(line, CAPTION, width)
        lines += [_shortened(part, CAPTION, width) for part in (first, " ".join(others)) if part]
    return lines


def _shortened(text: str, size: int, width: int) -> str:
    """The text, or as much of its beginning as fits into a width in pixels."""
    if _font(size).getlength(text) <= width:
        return text
    while text and _font(size).getlength(f"{text}…") > width:
        text = text[:-1]
    return f"{text}…"


@cache
def _font(size: int) -> Any:
    return ImageFont.truetype(str(Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")), size)
