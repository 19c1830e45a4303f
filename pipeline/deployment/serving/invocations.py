"""The JSON of requests to /invocations in one form, whichever of MLflow's forms a client uses.

{"instances": ["iVBOR…", "iVBOR…"]}, `inputs` in place of `instances`, {"dataframe_records": [{"picture": "iVBOR…"}]}
and {"dataframe_split": {"columns": ["picture"], "data": [["iVBOR…"]]}} become the last one, because MLflow decodes
base64 in tables only. A picture is base64, a data URL, or grey levels in nested lists; pictures of one request may have
different sizes.
"""

import base64
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from PIL import Image

from pipeline.data.pictures.opening import Unreadable
from pipeline.deployment.loader import ERROR_RATE
from pipeline.deployment.sent_pictures import sent_picture
from pipeline.deployment.serving.error_replies import FORM, UNREADABLE, refuse

MOST_PICTURES = 1000
"""Number of pictures in the largest request. Many small ones would fit into a body, but not into the memory."""
LARGEST_TABLE = 64 * 2**20
"""Bytes of the largest Parquet table without compression."""
FIELDS = ("instances", "inputs", "dataframe_records", "dataframe_split")
"""The fields for pictures in MLflow's JSON."""


def uniform_body(body: bytes) -> bytes:
    """Return the body of a request in one form, with every picture in base64; refuse unusable bodies."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):  # ValueError also stands for invalid UTF-8 and for integers that are too long.
        refuse(400, f"The body is not valid JSON. {FORM}")
    if not isinstance(content, dict):
        refuse(400, FORM)
    fields = [field for field in FIELDS if field in content]
    if len(fields) != 1:
        refuse(400, f"The body has {len(fields)} of the fields {', '.join(FIELDS)}. It must have exactly one of them.")
    pictures = _pictures(fields[0], content[fields[0]])
    if not pictures:
        refuse(400, f"`{fields[0]}` contains no picture.")
    check_count(len(pictures))
    rows = [[_base64(one, place, len(pictures))] for place, one in enumerate(pictures)]
    uniform = {"dataframe_split": {"columns": ["picture"], "data": rows}, "params": _parameters(content)}
    return json.dumps(uniform).encode()


def check_count(pictures: int) -> None:
    """Refuse a request with too many pictures."""
    if pictures > MOST_PICTURES:
        refuse(
            413,
            f"The request has {pictures:,} pictures; at most {MOST_PICTURES:,} are accepted: send fewer at a time.",
        )


def check_parquet(body: bytes) -> None:
    """Refuse a Parquet table by the numbers in its footer, because a small file may become a very large table."""
    # PyArrow takes a third of a second to import.
    from pyarrow import ArrowException, parquet

    try:
        table = parquet.read_metadata(io.BytesIO(body))
        size = sum(table.row_group(place).total_byte_size for place in range(table.num_row_groups))
    except (ArrowException, OSError):
        refuse(400, UNREADABLE)
    check_count(table.num_rows)
    if size > LARGEST_TABLE:
        refuse(
            413,
            f"The table has {size / 2**20:.1f} MiB without compression; at most {LARGEST_TABLE // 2**20} MiB are "
            "accepted: send fewer or smaller pictures at a time.",
        )


def _parameters(content: Mapping[str, Any]) -> dict[str, float]:
    parameters = {} if content.get("params") is None else content["params"]
    if not isinstance(parameters, dict) or not parameters.keys() <= {ERROR_RATE}:
        refuse(400, f'`params` must be an object with `{ERROR_RATE}` alone, such as {{"{ERROR_RATE}": 0.01}}.')
    rate = parameters.get(ERROR_RATE, 0.0)
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate < 1:
        refuse(400, f"`{ERROR_RATE}` must be a number greater than 0 and less than 1. Received {str(rate)[:40]!r}.")
    return {ERROR_RATE: float(rate)}


def _pictures(field: str, value: Any) -> Sequence[Any]:
    """The pictures in a field; columns after the first one are ignored, as MLflow ignores them."""
    if field == "dataframe_split":
        value = value.get("data") if isinstance(value, dict) else None
    elif field == "inputs" and isinstance(value, dict) and value:
        value = next(iter(value.values()))
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list):
        refuse(400, FORM)
    return [_cell(one, of_row=field == "dataframe_split") for one in value]


def _cell(one: Any, *, of_row: bool) -> Any:
    if isinstance(one, dict) and one:
        return next(iter(one.values()))
    return one[0] if of_row and isinstance(one, list) and one else one


def _base64(sent: Any, place: int, count: int) -> str:
    try:
        picture = sent_picture(sent)
    except Unreadable as problem:
        refuse(400, f"Picture {place + 1} of {count}: {problem}.")
    if not isinstance(picture, bytes):
        file = io.BytesIO()
        grey = picture.ndim == 3 and picture.shape[2] == 1
        Image.fromarray(picture[:, :, 0] if grey else picture).save(file, "PNG", compress_level=1)
        picture = file.getvalue()
    return base64.b64encode(picture).decode()
