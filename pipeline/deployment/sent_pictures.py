"""Pictures in a request: base64, data URLs and lists of grey levels. A text is never the path of a file."""

import base64
import binascii
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.data.pictures.opening import Unreadable

DATA_URL = re.compile(r"data:[\w.+-]+/[\w.+-]+(?:;[\w.+-]+=[^;,]*)*;base64,", re.ASCII)


def picture_bytes(text: str) -> bytes:
    """The encoded picture in a text: base64, or a data URL such as `data:image/png;base64,…`.

    Raises:
        Unreadable: the text is neither.

    >>> picture_bytes("data:image/gif;base64,R0lG"), picture_bytes("R0lG")
    (b'GIF', b'GIF')
    """
    start = DATA_URL.match(text)
    content = "".join(text[start.end() if start else 0 :].split())
    try:
        return base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        raise Unreadable(
            f"{_excerpt(text)} is neither base64 nor a data URL with base64. Send the contents of the picture file, "
            "because paths and addresses are not opened"
        ) from None


def picture_array(values: Any) -> NDArray[np.uint8]:
    """Grey levels in nested lists as an array: (height, width), or (height, width, channels) with 1, 3 or 4 channels.

    Raises:
        Unreadable: the values are not integers from 0 to 255, or the shape is another one.
    """
    try:
        levels = np.asarray(values)
    except ValueError:
        levels = np.asarray(None)
    if levels.ndim not in (2, 3) or levels.dtype.kind not in "iuf" or 0 in levels.shape:
        raise Unreadable(
            "grey levels must be numbers in nested lists of the shape (height, width) or (height, width, channels), "
            "with rows of equal length"
        )
    if levels.ndim == 3 and levels.shape[2] not in (1, 3, 4):
        raise Unreadable(f"the shape {levels.shape}, but a picture has 1, 3 or 4 channels as the last axis")
    if not ((levels >= 0) & (levels <= 255) & (levels == np.floor(levels))).all():
        raise Unreadable(
            f"grey levels must be integers from 0 to 255; these are {levels.min():g} to {levels.max():g}"
            f"{'' if levels.dtype.kind in 'iu' else ', not all of them integers'}"
        )
    return levels.astype(np.uint8)


def sent_picture(sent: Any) -> bytes | NDArray[np.uint8]:
    """One picture of a request: encoded bytes, a text (`picture_bytes`) or grey levels (`picture_array`).

    Raises:
        Unreadable: it is none of these.
    """
    if isinstance(sent, bytes):
        return sent
    if isinstance(sent, str):
        return picture_bytes(sent)
    if isinstance(sent, list | np.ndarray):
        return picture_array(sent)
    raise Unreadable(f"{_excerpt(sent)} is neither base64 nor a data URL nor nested lists of grey levels")


def _excerpt(sent: Any) -> str:
    text = sent if isinstance(sent, str) else repr(sent)
    return repr(text if len(text) <= 40 else f"{text[:37]}…")
