"""Decode one picture file to 8-bit pixels of a fixed size."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from pipeline.data.pictures.opening import Unreadable, opened_picture

Resize = Literal["stretch", "crop", "pad"]

DRAFT = 4
"""A JPEG file is decoded at a reduced size that is at least this multiple of the wanted size (`Decoding.draft`)."""
DEEP_MODES = ("I", "F")
"""The modes of Pillow whose values have more than 8 bits: I, I;16, I;16B and so on, and F."""
FULL_RANGE = (0.0, 65535.0)
BAND = 256
"""Rows of a deep picture that are scaled at a time, to save memory."""
ORIENTATION, QUARTER_TURNS = 0x0112, (5, 6, 7, 8)
"""The EXIF tag of the orientation, and the values that exchange width and height."""
FAINT, VISIBLE = 8, 64
"""A picture is lost in the background if its values differ by at most FAINT, its transparency by at least VISIBLE."""


@dataclass(frozen=True)
class Decoding:
    """How picture files become pixels.

    Args:
        height: of the result, in pixels.
        width: of the result, in pixels.
        channels: 1 for grey, 3 for colour.
        resize: how to change the aspect ratio: `stretch` the whole picture, `crop` its centre, or `pad` it.
        background: the colour behind transparent pixels and around a padded picture, as a name or #rrggbb.
        value_range: the values that become 0 and 255, for pictures with more than 8 bits per value. By default 0 and
            65,535; floating-point pictures need it.
        largest: the greatest number of pixels of a picture file.
        draft: decode JPEG files at a reduced size of at least four times the wanted one, which is about twice as fast.
            At 64×64 pixels, values of smooth photographs of 1600×1200 pixels change by 0.4 grey levels on average and
            by 3 at most; values at sharp edges between strong colours change by 2 on average and by 36 at most.
    """

    height: int
    width: int
    channels: Literal[1, 3]
    resize: Resize = "stretch"
    background: str = "white"
    value_range: tuple[float, float] | None = None
    largest: int = 100_000_000
    draft: bool = True


class Facts(NamedTuple):
    """What the file of a picture states and holds; `FileFacts` has the meanings."""

    width: int
    height: int
    mode: str
    format: str
    frames: int
    transparent: bool
    lowest: float
    highest: float


def decode(picture: Path | bytes, decoding: Decoding, *, page: int = 0) -> tuple[NDArray[np.uint8], Facts]:
    """Decode a picture, from a file or from its encoded bytes: (height, width, channels), and facts about the file.

    Pictures are rotated according to their EXIF orientation. `page` selects a page of a TIFF file or a frame.

    Raises:
        Unreadable: the picture is missing, damaged, too large, or loses its content in 8-bit values.
    """
    with opened_picture(picture) as opened:
        return _decoded(opened, decoding, page)


def decode_array(values: NDArray[np.uint8], decoding: Decoding) -> NDArray[np.uint8]:
    """Bring an array of pixels to the size and channels of a decoding, as `decode` does: (height, width, channels).

    Args:
        values: a picture of any size: (h, w) or (h, w, 1) grey, (h, w, 3) RGB, or (h, w, 4) RGB with transparency.
        decoding: size and other settings. An array of the wanted shape is returned unchanged.

    Raises:
        Unreadable: the array has another shape or type, or is empty or too large.
    """
    if values.dtype != np.uint8:
        raise Unreadable(f"an array of type {values.dtype}: convert its values to uint8, 0 to 255")
    shape = values.shape
    if len(shape) == 3 and shape[2] == 1:
        values = values[:, :, 0]
    if not (values.ndim == 2 or (values.ndim == 3 and shape[2] in (3, 4))):
        raise Unreadable(
            f"an array of shape {shape}: a picture is (height, width) with 1, 3 or 4 channels as the last axis"
        )
    if not values.size:
        raise Unreadable(f"an array of shape {shape}: it has no pixels")
    return _decoded(Image.fromarray(np.ascontiguousarray(values)), decoding, 0)[0]


def _decoded(opened: Image.Image, decoding: Decoding, page: int) -> tuple[NDArray[np.uint8], Facts]:
    frames = int(getattr(opened, "n_frames", 1))
    if page:
        opened.seek(page)
    if opened.width * opened.height > decoding.largest:
        raise Unreadable(
            f"{opened.width:,} × {opened.height:,} pixels exceed the limit of {decoding.largest:,}: raise option "
            "'largest', or save the picture smaller"
        )
    deep_colour = _has_deep_colour(opened)
    # Pillow turns TIFF files itself, and states the size of the upright picture. It loads a PNG file to find the
    # orientation, which may follow the pixels.
    orientation = 1 if opened.format == "TIFF" else opened.getexif().get(ORIENTATION, 1)
    turned = orientation in QUARTER_TURNS
    width, height = reversed(opened.size) if turned else opened.size
    kind = f"{opened.mode};16" if deep_colour else opened.mode
    stated = kind, opened.format or "unknown", frames, opened.has_transparency_data
    if decoding.draft:
        # Without effect for other formats than JPEG.
        least = DRAFT * decoding.width, DRAFT * decoding.height
        opened.draft(opened.mode, least[::-1] if turned else least)
    if orientation != 1:
        ImageOps.exif_transpose(opened, in_place=True)
    upright, lowest, highest = _deep_colour(opened, decoding) if deep_colour else _eight_bits(opened, decoding)
    if upright.has_transparency_data:
        upright = _laid_on_background(upright, decoding)
    if upright.mode == "LAB":
        upright = upright.convert("RGB")  # Pillow has no other conversion of this mode.
    mode = "L" if decoding.channels == 1 else "RGB"
    upright = upright if upright.mode == mode else upright.convert(mode)  # without a copy: pictures may be large
    pixels = np.asarray(RESIZES[decoding.resize](upright, decoding))
    return (
        pixels.reshape(decoding.height, decoding.width, decoding.channels),
        Facts(width, height, *stated, lowest, highest),
    )


def _has_deep_colour(opened: Image.Image) -> bool:
    """Whether the file of a picture has several channels of 16 bits. The picture must not be loaded yet."""
    tiles = getattr(opened, "tile", [])  # how the values are stored in the file
    return any(";16" in str(tile.args) for tile in tiles) and not opened.mode.startswith(DEEP_MODES)


def _eight_bits(picture: Image.Image, decoding: Decoding) -> tuple[Image.Image, float, float]:
    """The picture with 8 bits per value; the lowest and highest value of a deeper picture."""
    if not picture.mode.startswith(DEEP_MODES):
        return picture, 0, 255
    values = np.asarray(picture)
    low, high = _range(picture, values, decoding)
    scaled = np.empty(values.shape, np.uint8)
    for start in range(0, len(values), BAND):
        band = values[start : start + BAND].astype(np.float32)
        scaled[start : start + BAND] = np.rint((band.clip(low, high) - low) * (255 / (high - low)))
    return Image.fromarray(scaled), float(values.min()), float(values.max())


def _deep_colour(picture: Image.Image, decoding: Decoding) -> tuple[Image.Image, float, float]:
    """A picture with several channels of 16 bits; Pillow keeps the upper 8 bits of each."""
    if decoding.value_range not in (None, FULL_RANGE):
        raise Unreadable(
            "several channels of 16 bits, which option 'value_range' does not support: convert the picture to 8 bits"
        )
    bands = picture.convert("RGB") if picture.has_transparency_data else picture
    extrema = np.array(bands.getextrema()) * 257
    return picture, float(extrema.min()), float(extrema.max())


def _range(picture: Image.Image, values: NDArray[np.generic], decoding: Decoding) -> tuple[float, float]:
    lowest, highest = float(values.min()), float(values.max())
    if not math.isfinite(highest - lowest):
        raise Unreadable("some values are not finite numbers")
    if decoding.value_range is not None:
        return decoding.value_range
    held = f"{lowest:g} to {highest:g}"
    if picture.mode == "F":
        raise Unreadable(f"floating-point values ({held}): set their range with option 'value_range'")
    if lowest < 0 or highest > FULL_RANGE[1]:
        raise Unreadable(f"values ({held}) outside 0 to 65535: set their range with option 'value_range'")
    return FULL_RANGE


def _laid_on_background(picture: Image.Image, decoding: Decoding) -> Image.Image:
    layer = picture if picture.mode == "RGBA" else picture.convert("RGBA")
    laid = Image.new("RGBA", layer.size, decoding.background)
    laid.alpha_composite(layer)
    (*_, transparency), (*colours, _) = np.ptp(layer.getextrema(), axis=1), np.ptp(laid.getextrema(), axis=1)
    if transparency >= VISIBLE and max(colours) <= FAINT:
        raise Unreadable(f"blank on a {decoding.background} background: choose another colour with option 'background'")
    return laid


def _stretched(picture: Image.Image, decoding: Decoding) -> Image.Image:
    return _scaled(picture, decoding.width, decoding.height)


def _cropped(picture: Image.Image, decoding: Decoding) -> Image.Image:
    """The largest centred part with the aspect ratio of the result."""
    width = min(picture.width, max(1, round(picture.height * decoding.width / decoding.height)))
    height = min(picture.height, max(1, round(picture.width * decoding.height / decoding.width)))
    left, top = (picture.width - width) // 2, (picture.height - height) // 2
    return _scaled(picture.crop((left, top, left + width, top + height)), decoding.width, decoding.height)


def _padded(picture: Image.Image, decoding: Decoding) -> Image.Image:
    """The whole picture, centred on the background."""
    scale = min(decoding.width / picture.width, decoding.height / picture.height)
    width = min(max(1, round(picture.width * scale)), decoding.width)
    height = min(max(1, round(picture.height * scale)), decoding.height)
    behind = Image.new("RGB", (decoding.width, decoding.height), decoding.background).convert(picture.mode)
    behind.paste(_scaled(picture, width, height), ((decoding.width - width) // 2, (decoding.height - height) // 2))
    return behind


def _scaled(picture: Image.Image, width: int, height: int) -> Image.Image:
    # Area averaging is exact when shrinking; when enlarging it would only repeat pixels.
    shrinks = height <= picture.height and width <= picture.width
    return picture.resize((width, height), Image.Resampling.BOX if shrinks else Image.Resampling.BILINEAR)


RESIZES: dict[Resize, Callable[[Image.Image, Decoding], Image.Image]] = {
    "stretch": _stretched,
    "crop": _cropped,
    "pad": _padded,
}
