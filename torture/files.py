"""Compare the files of two projects: the same names, and the same contents except for measured times."""

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

MEASURED = ("seconds", "alone", "together")
"""Parts of the names of values that no two runs share: durations of a training, and of a prediction."""
OF_ONE_RUN = ("process", "history.csv", "date", "date_saved")
"""Names of values that differ for other reasons: a process, the size of a file with durations, dates."""

EXISTING_ONLY = (
    "dvc.lock",
    ".convtrack/durations.json",
    ".convtrack/project",
    ".convtrack/published.json",
    "reports/*",
    "reports/comparison/*",
    "champion/model_card.*",
    "*.db",
    "*.db.lock",
)
"""Files that contain durations, digests of such files or numbers of runs: only their names are compared."""

BY_TIME = ("snapshots/kernels-*.png", "snapshots/maps-*.png", "snapshots/predictions.json")
"""Which epochs `convtrack watch` shows depends on the time that they take."""

OF_READERS = ("*.db-shm", "*.db-wal")
"""Files of SQLite while a database is open, also if this comparison has opened it."""

ELSEWHERE = (".git", ".venv", "outputs", "multirun", "mlartifacts", ".dvc/cache", ".dvc/tmp")
"""Folders of other tools. The contents of the store are compared run by run."""

CACHED = re.compile(r"((files/md5/)?[0-9a-f]{2}/[0-9a-f]{30}(\.dir)?|runs/[0-9a-f]{2}/[0-9a-f]{64}/[0-9a-f]{64})$")
"""The names in DVC's cache."""


def file_differences(undisturbed: Path, disturbed: Path) -> Iterator[str]:
    """Yield each file that is missing, left over, or different."""
    expected, found = set(_files(undisturbed)), set(_files(disturbed))
    for name in sorted(expected - found):
        yield f"missing file: {name}"
    for name in sorted(found - expected):
        yield f"left file: {name}"
    for name in sorted(expected & found):
        if not _matches(name, EXISTING_ONLY) and content(undisturbed / name) != content(disturbed / name):
            yield f"other content: {name}"


def leftovers(project: Path, temporary: Path) -> Iterator[str]:
    """Yield what remains in temporary folders, in DVC's and in its cache."""
    for file in sorted(temporary.rglob("*")):
        yield f"left in TMPDIR: {file.relative_to(temporary)}"
    locked = project / ".dvc/tmp/rwlock"
    if locked.exists() and any(json.loads(locked.read_bytes() or b"{}").values()):
        yield f"left in .dvc/tmp/rwlock: {locked.read_text()[:200]}"
    cache = project / ".dvc/cache"
    for file in sorted(cache.rglob("*")):
        if file.is_file() and not CACHED.match(str(file.relative_to(cache))):
            yield f"left in DVC's cache: {file.relative_to(cache)}"


def content(file: Path) -> Any:
    """The content of a file without values that no two runs share."""
    if file.is_symlink():
        return file.readlink()
    if file.name == "digests.json":
        return _true_digests(file)
    if file.suffix == ".json":
        return _lasting(json.loads(file.read_bytes()))
    if file.suffix == ".csv":
        rows = [_lasting(row) for row in csv.DictReader(io.StringIO(file.read_text(encoding="utf-8")))]
        # Processes write their looks at images when they end.
        return sorted(rows, key=str) if file.name.endswith(".looks.csv") else rows
    if file.suffix == ".keras":
        with ZipFile(file) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        return members | {"metadata.json": _lasting(json.loads(members["metadata.json"]))}
    return file.read_bytes()


def _true_digests(record: Path) -> dict[str, bool]:
    """Whether each file of which a record has the digest has that digest. Some files contain durations."""
    digests = {name: digest for name, digest in json.loads(record.read_bytes()).items() if name != "content_sha256"}
    return {
        name: digest == hashlib.sha256((record.parent / name).read_bytes()).hexdigest()
        for name, digest in digests.items()
        if not _matches(name, BY_TIME)
    }


def _lasting(value: Any) -> Any:
    """A value from JSON without its measured parts."""
    if isinstance(value, dict):
        return {
            name: _lasting(part) for name, part in value.items() if not is_measured(name) and name not in OF_ONE_RUN
        }
    return [_lasting(part) for part in value] if isinstance(value, list) else value


def is_measured(name: str) -> bool:
    """Whether a value of this name is a duration.

    >>> is_measured("train_seconds"), is_measured("accuracy")
    (True, False)
    """
    return any(part in name for part in MEASURED)


def _files(project: Path) -> Iterator[str]:
    for file in project.rglob("*"):
        name = str(file.relative_to(project))
        other = any(name == folder or name.startswith(f"{folder}/") for folder in ELSEWHERE)
        ignored = other or "__pycache__" in name or _matches(name, (*BY_TIME, *OF_READERS))
        if not ignored and (file.is_symlink() or file.is_file()):
            yield name


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(Path(name).match(pattern) for pattern in patterns)
