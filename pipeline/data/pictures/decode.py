"""Decode one picture file to 8-bit pixels of a fixed size.

`prepare` and every prediction for a new picture use this code, so both see the same pixels.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

Resize = Literal["stretch", "crop", "pad"]

DRAFT = 2
"""A JPEG file is decoded at a reduced size that is at least this multiple of the wanted size (`Decoding.draft`)."""
DEEP_MODES = ("I", "F")
"""The modes of Pillow whose values have more than 8 bits: I, I;16, I;16B and so on, and F."""
ORIENTATION, QUARTER_TURNS = 0x0112, (5, 6, 7, 8)
"""The EXIF tag of the orientation, and the values that exchange width and height."""

# Pillow only warns about very large pictures. `Decoding.largest` refuses them.
Image.MAX_IMAGE_PIXELS = None


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
        draft: decode JPEG files at reduced size where possible, which is faster.
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


class Unreadable(ValueError):
    """A picture cannot be read. The message is the reason, without the name of the file."""


def decode(picture: Path | bytes, decoding: Decoding, *, page: int = 0) -> tuple[NDArray[np.uint8], Facts]:
    """Decode a picture, from a file or from its encoded bytes: (height, width, channels), and facts about the file.

    Pictures are rotated according to their EXIF orientation. `page` selects a page of a TIFF file or a frame.

    Raises:
        Unreadable: the picture is missing, damaged, too large, or has values without a range.
    """
    try:
        with _opened(picture) as opened:
            return _decoded(opened, decoding, page)
    except Unreadable:
        raise
    except MemoryError:
        raise Unreadable("it does not fit into memory") from None
    except Exception as error:  # Decoders raise nearly any exception, from OSError to struct.error.
        raise Unreadable(" ".join(str(error).split()) or type(error).__name__) from None


def pages(picture: Path) -> int:
    """The number of pages or frames of a picture file.

    Raises:
        Unreadable: the file cannot be opened.
    """
    try:
        with _opened(picture) as opened:
            return int(getattr(opened, "n_frames", 1))
    except Unreadable:
        raise
    except Exception as error:
        raise Unreadable(" ".join(str(error).split()) or type(error).__name__) from None


@cache
def reads_heif() -> bool:
    """Whether HEIC pictures can be read; they need the package pillow-heif."""
    try:
        from pillow_heif import register_heif_opener
    except ModuleNotFoundError:
        return False
    register_heif_opener()
    return True


def _opened(picture: Path | bytes) -> Image.Image:
    if (picture.stat().st_size if isinstance(picture, Path) else len(picture)) == 0:
        raise Unreadable("the file is empty")
    for _ in range(2):
        try:
            return Image.open(picture if isinstance(picture, Path) else BytesIO(picture))
        except UnidentifiedImageError:
            if not reads_heif():
                break
    raise Unreadable("it is not a picture in a known format")


def _decoded(opened: Image.Image, decoding: Decoding, page: int) -> tuple[NDArray[np.uint8], Facts]:
    if opened.width * opened.height > decoding.largest:
        raise Unreadable(
            f"it has {opened.width:,} × {opened.height:,} pixels, more than the {decoding.largest:,} that option "
            "'largest' allows"
        )
    frames = int(getattr(opened, "n_frames", 1))
    if page:
        opened.seek(page)
    width, height = opened.size
    if opened.getexif().get(ORIENTATION) in QUARTER_TURNS:
        width, height = height, width
    stated = opened.mode, opened.format or "unknown", frames, opened.has_transparency_data
    if decoding.draft:
        # Without effect for other formats than JPEG.
        opened.draft(opened.mode, (DRAFT * decoding.width, DRAFT * decoding.height))
    ImageOps.exif_transpose(opened, in_place=True)
    upright, lowest, highest = _eight_bits(opened, decoding)
    upright = upright.convert("L" if decoding.channels == 1 else "RGB")
    pixels = np.asarray(RESIZES[decoding.resize](upright, decoding))
    return (
        pixels.reshape(decoding.height, decoding.width, decoding.channels),
        Facts(width, height, *stated, lowest, highest),
    )


def _eight_bits(picture: Image.Image, decoding: Decoding) -> tuple[Image.Image, float, float]:
    """The picture with 8 bits per value and without transparency; the lowest and highest value of a deeper picture."""
    if picture.mode.startswith(DEEP_MODES):
        values = np.asarray(picture).astype(np.float32)
        low, high = _range(picture, values, decoding)
        scaled = np.rint((values.clip(low, high) - low) * (255 / (high - low))).astype(np.uint8)
        return Image.fromarray(scaled), float(values.min()), float(values.max())
    if picture.has_transparency_data:
        layer = picture.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, decoding.background), layer), 0, 255
    return picture, 0, 255


def _range(picture: Image.Image, values: NDArray[np.float32], decoding: Decoding) -> tuple[float, float]:
    if not np.isfinite(values).all():
        raise Unreadable("it has values that are not finite")
    if decoding.value_range is not None:
        return decoding.value_range
    if picture.mode == "F":
        raise Unreadable("its values are floating-point numbers: state their range with option 'value_range'")
    if values.min() < 0 or values.max() > 65535:
        raise Unreadable("its values are outside 0..65535: state their range with option 'value_range'")
    return 0, 65535


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
