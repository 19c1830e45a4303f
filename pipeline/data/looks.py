"""The record of how often the images of a data set were used other than for training: its looks.

Evaluating many configurations on the same test images adapts the choice to these images. The looks of a data set are
a small table next to its test sets, under version control. It has one line for each configuration that was evaluated
on a test set, or tuned by an experiment on the other images. A configuration is what a user chose (network, optimizer,
training, augmentation, data): another version of the code adds no look.

The cache keeps a second table, of all looks in this project. It restores lines that the table under version control
loses: another branch does not have them, nor does an experiment of DVC that began before them.
"""

import csv
import hashlib
import io
import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from pipeline.data.prepared import Prepared
from pipeline.data.splits import OWN_TESTS, TEST, tuning_images
from pipeline.errors import UserError
from pipeline.storage.files import replacing
from pipeline.storage.folders import cache_folder

Purpose = Literal["evaluated", "tuned"]
MERGE_MARKS = ("<<<<<<<", "=======", ">>>>>>>")
"""What Git writes around the lines of two branches."""


class Look(NamedTuple):
    """One use of a test set (`evaluated`), or of all images outside that test set (`tuned`), by a configuration.

    `test_set` is the digest of the test images, `configuration` the fingerprint of the configuration.
    """

    purpose: str
    test_set: str
    configuration: str
    model: str
    commit: str
    date: str

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes two looks the same."""
        return self.purpose, self.test_set, self.configuration


DATE = re.compile(r"\d{4}-\d\d-\d\d")
COLUMNS = (*Look._fields, "check")


def test_set_digest(prepared: Prepared) -> str:
    """SHA-256 over the digests of the test images, as 64 hexadecimal digits.

    Where the replicates have different test sets, the digest is over all images outside the tuning groups: each of them
    may be a test image.
    """
    tested = prepared.splits == TEST
    split = prepared.manifest["settings"]["split"]
    if split["strategy"] not in OWN_TESTS:
        return _digest(prepared, tested[0])
    kinds = prepared.labels, prepared.groups, prepared.subgroups
    tuning = tuning_images(*kinds, share=split["tuning_share"], seed=split["seed"])
    return _digest(prepared, ~tuning)


def untuned_digest(prepared: Prepared) -> str:
    """As `test_set_digest`, but over the images that every replicate tests: none trains or validates on them."""
    return _digest(prepared, (prepared.splits == TEST).all(axis=0))


def _digest(prepared: Prepared, chosen: NDArray[np.bool_]) -> str:
    return hashlib.sha256(json.dumps(prepared.sorted_digests(chosen)).encode()).hexdigest()


def record_look(file: Path, purpose: Purpose, *, test_set: str, configuration: str, model: str, commit: str) -> None:
    """Add a line to the table unless it already has this purpose, test set and configuration.

    Looks of this project that the table lacks are restored.
    """
    today = datetime.now(UTC).date().isoformat()
    add_looks(file, [Look(purpose, test_set, configuration, model, commit, today)])


def restore_looks(file: Path) -> int:
    """Add the looks of this project that the table lacks; return their number."""
    return add_looks(file, [])


def add_looks(file: Path, new: Sequence[Look]) -> int:
    """Give the table and its copy in the cache the looks of both and the new ones; return how many the table lacked."""
    kept = cache_folder() / "looks" / file.name
    kept.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(cache_folder() / "looks.lock"):
        looks = [*read_looks(file), *_undamaged(kept), *new]
        _append(kept, looks)
        return _append(file, looks)


def _undamaged(kept: Path) -> list[Look]:
    """The looks of the copy in the cache; a damaged copy is deleted and made again from the table."""
    try:
        return read_looks(kept)
    except UserError:
        if kept.is_dir():
            raise
        kept.unlink()
        return []


def _append(file: Path, looks: Sequence[Look]) -> int:
    """Add those looks that the table lacks, the first one of each configuration; return their number."""
    known = {look.key for look in read_looks(file)}
    missing = {look.key: look for look in reversed(looks) if look.key not in known}
    if missing:
        file.parent.mkdir(parents=True, exist_ok=True)
        before = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
        rows = [line for line in before if _fields(line)[: len(Look._fields)] != list(Look._fields)]
        added = [_line(_checked(look)) for look in reversed(missing.values())]
        with replacing(file) as unfinished:
            unfinished.write_text("\n".join([_line(COLUMNS), *rows, *added]) + "\n", encoding="utf-8")
    return len(missing)


def read_looks(file: Path) -> list[Look]:
    """Return the lines of the table, or none if there is no table. Marks of an unresolved merge are skipped.

    Raises:
        UserError: `file` is a folder, or a line is damaged.
    """
    if file.is_dir():
        raise UserError(
            f"{file} is a folder. It must be a file, the table of looks at test images: move the folder away."
        )
    if not file.is_file():
        return []
    # Parsed line by line: an unclosed quotation mark must not swallow the lines after it.
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    headers, looks = 0, []
    for number, line in enumerate(lines, start=1):
        fields = _fields(line)
        if fields[: len(Look._fields)] == list(Look._fields):
            headers += 1
        elif line.strip() and not line.startswith(MERGE_MARKS):
            look = _look(fields)
            if look is None:
                raise _damaged(file, f"line {number} is unreadable or was changed")
            looks.append(look)
    if not headers:
        raise _damaged(file, "it does not begin with the names of its columns")
    return looks


def _look(fields: Sequence[str]) -> Look | None:
    """The look of a line, None if it is damaged. Lines of earlier versions end with the date."""
    if fields[:1] not in (["evaluated"], ["tuned"]) or len(fields) < len(Look._fields):
        return None
    look = Look(*fields[: len(Look._fields)])
    known = list(fields) == _checked(look) or (len(fields) == len(look) and DATE.fullmatch(look.date) is not None)
    return look if known else None


def _damaged(file: Path, problem: str) -> UserError:
    return UserError(
        f"The table of looks at test images {file} is damaged: {problem}. Restore the file from version control, or "
        "delete the damaged line."
    )


def _checked(look: Look) -> list[str]:
    """The fields of a look with the first 8 digits of their digest; earlier versions wrote none."""
    return [*look, hashlib.sha256(json.dumps(look).encode()).hexdigest()[:8]]


def _line(fields: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(fields)
    return text.getvalue()


def _fields(line: str) -> list[str]:
    try:
        return next(csv.reader([line]), [])
    except csv.Error:
        return []


def evaluated(looks: Sequence[Look], test_set: str) -> int:
    """Return how many configurations were evaluated on this test set."""
    return len({look.configuration for look in looks if look.purpose == "evaluated" and look.test_set == test_set})


def tuned(looks: Sequence[Look], test_set: str, *, redrawn: bool) -> int:
    """Return how many configurations were tuned on images that may be in this test set.

    A configuration that was tuned outside the same test set does not count, unless the test set is `redrawn` from all
    images for each replicate.
    """
    return len(
        {look.configuration for look in looks if look.purpose == "tuned" and (redrawn or look.test_set != test_set)}
    )
