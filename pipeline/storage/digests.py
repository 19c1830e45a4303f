"""SHA-256 digests of files, recorded when the files are written, so that no reader uses a file that has changed.

A folder of results has the digests of its files in `digests.json`. A JSON file that stands alone has the digest of its
own content under the key `content_sha256`. Files without a digest, as earlier versions wrote them, count as unchanged.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from pipeline.storage.temporary import temporary_folder

DIGESTS = "digests.json"
OWN_DIGEST = "content_sha256"
LEVELS = 3
"""How many folders above a file may record its digest: runs/MODEL/train records those of its subfolders' files."""

_Version = tuple[str, int, int, int]
_digests: dict[_Version, str] = {}
_recorded: dict[_Version, dict[str, str]] = {}


def write_digests(folder: Path, *, without: tuple[str, ...] = ()) -> None:
    """Record the digests of all files in a folder that is being written, except those named in `without`."""
    files = (file for file in sorted(folder.rglob("*")) if file.is_file() and file.name not in (DIGESTS, *without))
    _write(folder / DIGESTS, {file.relative_to(folder).as_posix(): digest_of(file) for file in files})


def add_digests(folder: Path, *, written: Collection[Path] = ()) -> None:
    """Record the digests of the files directly in a folder that its record does not have yet; temporary ones do not.

    Files in `written` have been written again and get a new digest.
    """
    with suppress(OSError, ValueError):  # A damaged record stays, so that the contents do not count as unchanged.
        known = recorded_digests(folder)
        files = (file for file in folder.iterdir() if file.is_file() and not file.name.startswith("."))
        kept = {DIGESTS, *(name for name in known if folder / name not in written)}
        added = {file.name: digest_of(file) for file in files if file.name not in kept}
        if known and added:
            with temporary_folder(folder, f".{DIGESTS}-") as scratch:
                _write(scratch / DIGESTS, {**known, **added})
                (scratch / DIGESTS).replace(folder / DIGESTS)


def recorded_digests(folder: Path) -> dict[str, str]:
    """The digests that a folder records for its files, by path; empty if it records none.

    Raises:
        ValueError: the record is damaged.
    """
    return _read(folder / DIGESTS) if (folder / DIGESTS).exists() else {}


def digest_of(file: Path) -> str:
    """SHA-256 of a file, as 64 hexadecimal digits; computed once per process for each version of the file."""
    version = _version(file)
    if version not in _digests:
        with file.open("rb") as stream:
            _digests[version] = hashlib.file_digest(stream, "sha256").hexdigest()
    return _digests[version]


def changed(file: Path) -> Path | None:
    """The file itself if it differs from its recorded digest, the record if that is unreadable, else None."""
    for folder in file.parents[:LEVELS]:
        record = folder / DIGESTS
        if file == record or not record.exists():
            continue
        try:
            digest = _read(record).get(file.relative_to(folder).as_posix())
        except (OSError, ValueError):
            return record
        if digest is not None:
            return None if digest_of(file) == digest else file
    return None


def intact(folder: Path) -> bool:
    """Whether all files whose digests a folder records are there and unchanged; true if it records none."""
    try:
        return all(digest_of(folder / name) == digest for name, digest in recorded_digests(folder).items())
    except (OSError, ValueError):
        return False


def forget() -> None:
    """Compute all digests again when they are next needed."""
    _digests.clear()
    _recorded.clear()


def with_own_digest(content: Mapping[str, Any]) -> dict[str, Any]:
    """The content of a JSON file with its own digest."""
    return {**content, OWN_DIGEST: _content_digest(content)}


def has_own_digest(content: Mapping[str, Any]) -> bool:
    """Whether the content of a JSON file agrees with its own digest; true if it has none."""
    if OWN_DIGEST in content:
        return bool(content[OWN_DIGEST] == _content_digest(_without(content, OWN_DIGEST)))
    # The digest is written last. If it agrees with the rest under another key, its key is damaged.
    last = next(reversed(list(content)), "")
    is_digest = isinstance(content.get(last), str) and len(content[last]) == 2 * hashlib.sha256().digest_size
    return not is_digest or content[last] != _content_digest(_without(content, last))


def _without(content: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in content.items() if name != key}


def _content_digest(content: Mapping[str, Any]) -> str:
    # Independent of the layout: tools may reformat a file under version control.
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _write(record: Path, digests: Mapping[str, str]) -> None:
    record.write_text(json.dumps(with_own_digest(digests), indent=1) + "\n", encoding="utf-8")


def _read(record: Path) -> dict[str, str]:
    """The digests in a file. Raises ValueError if it is damaged."""
    version = _version(record)
    if version not in _recorded:
        content = json.loads(record.read_bytes())
        if not (isinstance(content, dict) and OWN_DIGEST in content and has_own_digest(content)):
            raise ValueError(f"{record} is damaged")
        _recorded[version] = {name: digest for name, digest in content.items() if name != OWN_DIGEST}
    return _recorded[version]


def _version(file: Path) -> _Version:
    state = file.stat()
    return str(file.absolute()), state.st_ino, state.st_size, state.st_mtime_ns
