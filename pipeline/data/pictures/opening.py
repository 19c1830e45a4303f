"""Open a picture file of a known format. All faults have one type, and Pillow prints nothing."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from io import BytesIO
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from pipeline.storage.native_output import native_errors_discarded

FORMATS = ["JPEG", "PNG", "AVIF", "BMP", "GIF", "JPEG2000", "PPM", "TIFF", "WEBP"]
"""The formats that are read, frequent ones first. Pillow knows others, one of which starts a program (EPS), whatever
the file is called."""
HEIF = ["HEIF"]
HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"mif1", b"msf1")

# Pillow only warns about very large pictures. `Decoding.largest` refuses them.
Image.MAX_IMAGE_PIXELS = None
# Faults become `Unreadable`; Pillow would also print some of them.
logging.getLogger("PIL").setLevel(logging.CRITICAL)


class Unreadable(ValueError):
    """A picture cannot be read. The message is the reason, without the name of the file."""


@contextmanager
def opened_picture(picture: Path | bytes) -> Iterator[Image.Image]:
    """A picture file or its encoded bytes, opened but not decoded. Faults in the block become `Unreadable`, too."""
    # The library for TIFF files prints each fault.
    with (
        _reasons(),
        _opened(picture) as opened,
        native_errors_discarded() if opened.format == "TIFF" else nullcontext(),
    ):
        yield opened


def pages(picture: Path) -> int:
    """The number of pages or frames of a picture file.

    Raises:
        Unreadable: the file cannot be opened.
    """
    with opened_picture(picture) as opened:
        return int(getattr(opened, "n_frames", 1))


@cache
def reads_heif() -> bool:
    """Whether HEIC pictures can be read; they need the package pillow-heif."""
    try:
        from pillow_heif import register_heif_opener
    except ModuleNotFoundError:
        return False
    register_heif_opener()
    return True


@contextmanager
def _reasons() -> Iterator[None]:
    """Turn all errors into Unreadable. Warnings of Pillow, such as those about EXIF data, are ignored."""
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    except Unreadable:
        raise
    except MemoryError:
        raise Unreadable("does not fit into memory") from None
    except OSError as error:
        # The name of the file in the message of the system is that of this machine.
        raise Unreadable(error.strerror or f"damaged ({_one_line(str(error))})") from None
    except Exception as error:  # Decoders raise nearly any exception, from SyntaxError to struct.error.
        raise Unreadable(f"damaged ({_one_line(str(error)) or type(error).__name__})") from None


def _one_line(text: str) -> str:
    return " ".join(text.split())


@contextmanager
def _opened(picture: Path | bytes) -> Iterator[Image.Image]:
    # Opening a named pipe would wait for a program that writes into it.
    if isinstance(picture, Path) and picture.is_fifo():
        raise Unreadable("a named pipe, not a file")
    with picture.open("rb") if isinstance(picture, Path) else BytesIO(picture) as stream:
        start = stream.read(12)
        stream.seek(0)
        if not start:
            raise Unreadable("empty file")
        heif = start[4:8] == b"ftyp" and start[8:12] in HEIF_BRANDS
        if heif and not reads_heif():
            raise Unreadable("HEIC pictures need the package pillow-heif: run `pip install pillow-heif`")
        try:
            opened = Image.open(stream, formats=HEIF if heif else FORMATS)
        except UnidentifiedImageError:
            raise Unreadable("damaged, or not in a supported picture format") from None
        with opened:
            yield opened
