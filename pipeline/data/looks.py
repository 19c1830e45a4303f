"""What a data set's images have been used for beside training: whoever looks at test images often, fits to them.

A data set's looks are a small table beside its test sets, under version control like these: a line for each model
configuration (its fingerprint) that was evaluated on a test set, or tuned by an experiment that left it out.
"""

import csv
import hashlib
import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from pipeline.data.splits import TEST
from pipeline.errors import UserError
from pipeline.storage.folders import CACHE

Purpose = Literal["evaluated", "tuned"]


class Look(NamedTuple):
    """One use of a test set (its digest), or of all images but those of that test set, by a model configuration."""

    purpose: str
    test_set: str
    fingerprint: str
    model: str
    commit: str
    date: str


def test_set_digest(splits: NDArray[np.uint8], manifest: dict[str, Any]) -> str:
    """SHA-256 over the digests of the images that are tested on, in hexadecimal; `splits` are replicates × images.

    Where replicates have different test sets that is over all images, since any of them may be tested on.
    """
    tested = splits == TEST
    chosen = tested[0] if (tested == tested[0]).all() else np.ones(splits.shape[1], bool)
    digests = sorted(np.array(manifest["image_digests"])[chosen].tolist())
    return hashlib.sha256(json.dumps(digests).encode()).hexdigest()


def record_look(file: Path, purpose: Purpose, *, test_set: str, fingerprint: str, model: str, commit: str) -> None:
    """Add a line to the table, unless it holds this configuration with this purpose and test set."""
    CACHE.mkdir(exist_ok=True)
    with FileLock(CACHE / "looks.lock"):
        known = {(look.purpose, look.test_set, look.fingerprint) for look in read_looks(file)}
        if (purpose, test_set, fingerprint) in known:
            return
        file.parent.mkdir(parents=True, exist_ok=True)
        today = datetime.now(UTC).date().isoformat()
        before = file.read_bytes() if file.is_file() else b""
        with file.open("a", encoding="utf-8", newline="") as stream:
            if not before:
                stream.write(_line(Look._fields))
            elif not before.endswith(b"\n"):
                stream.write("\n")
            stream.write(_line(Look(purpose, test_set, fingerprint, model, commit, today)))


def read_looks(file: Path) -> list[Look]:
    """The lines of the table; none where there is no table, and without those that a crash or a merge left torn.

    Raises:
        UserError: a folder lies in its place.
    """
    if file.is_dir():
        raise UserError(f"{file} must be a file, the table of looks at test images. Received a folder: move it away.")
    if not file.is_file():
        return []
    # Line by line: a quotation mark that is left open must not swallow the lines behind it.
    rows = [_fields(line) for line in file.read_text(encoding="utf-8", errors="replace").splitlines()]
    return [Look(*row) for row in rows if len(row) == len(Look._fields) and row[0] in ("evaluated", "tuned")]


def _line(fields: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(fields)
    return text.getvalue()


def _fields(line: str) -> list[str]:
    try:
        return next(csv.reader([line]), [])
    except csv.Error:
        return []


def evaluated(looks: Sequence[Look], test_set: str) -> int:
    """How many configurations have been evaluated on this test set."""
    return len({look.fingerprint for look in looks if look.purpose == "evaluated" and look.test_set == test_set})


def tuned(looks: Sequence[Look], test_set: str, *, redrawn: bool) -> int:
    """How many configurations were tuned on images that may be in this test set.

    Those that left out the same test set were not, unless it is `redrawn` for each replicate.
    """
    return len(
        {look.fingerprint for look in looks if look.purpose == "tuned" and (redrawn or look.test_set != test_set)}
    )
