"""Decoded pictures, kept so that only new and changed files are decoded again.

A folder of the cache holds the pictures of one root folder for one `Decoding`:

pixels.bin    the pictures one after the other, uint8, height × width × channels each
index.sqlite  for each picture its name, page, size and modification time, and its row in pixels.bin or its problem

Rows are written before the index names them. Therefore a process that is killed loses only its last block.
"""

import errno
import json
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import numpy as np
import PIL

from pipeline.data.pictures.decode import Decoding, Facts
from pipeline.errors import UserError
from pipeline.storage.fingerprints import code_digest, fingerprint
from pipeline.storage.folders import cache_folder
from pipeline.storage.home import shared_path

TABLE = """
CREATE TABLE IF NOT EXISTS pictures (
    name TEXT, page INTEGER, bytes INTEGER, modified INTEGER, row INTEGER UNIQUE, digest BLOB, problem TEXT, facts TEXT,
    PRIMARY KEY (name, page)
) WITHOUT ROWID
"""

MOST_UNUSED = 1024
"""Rows of changed files stay unused. If they exceed the used ones by more than this number, decoding starts again."""


SYSTEM_ERRORS = {
    sqlite3.SQLITE_FULL: errno.ENOSPC,
    sqlite3.SQLITE_IOERR: errno.EIO,
    sqlite3.SQLITE_READONLY: errno.EROFS,
    sqlite3.SQLITE_CANTOPEN: errno.EACCES,
    sqlite3.SQLITE_PERM: errno.EACCES,
}
"""The errors of the system behind those of SQLite."""


def _system_error(problem: sqlite3.Error) -> int | None:
    # The upper bits of the code only give details.
    return SYSTEM_ERRORS.get(getattr(problem, "sqlite_errorcode", 0) & 0xFF)


@contextmanager
def _system_errors(folder: Path) -> Iterator[None]:
    """Turn errors of SQLite into those that have a message for the user.

    Raises:
        OSError: the system refuses to read or write.
        UserError: the index is damaged.
    """
    try:
        yield
    except sqlite3.Error as problem:
        number = _system_error(problem)
        if number is not None:
            raise OSError(number, os.strerror(number), str(folder)) from problem
        raise UserError(
            f"The index of the decoded pictures in '{folder}' cannot be read ({problem}): delete the folder and run "
            "the same command again."
        ) from problem


class Picture(NamedTuple):
    """A picture file, or one page of it. `name` is the path relative to the root folder, with forward slashes."""

    name: str
    page: int
    bytes: int
    modified: int  # nanoseconds


class Entry(NamedTuple):
    """The result for a picture: its row and facts, or the problem that makes it unreadable."""

    row: int | None
    digest: bytes
    problem: str | None
    facts: Facts | None


class DecodedPictures:
    """The decoded pictures of a root folder. One process writes at a time: hold a lock."""

    def __init__(self, root: Path, decoding: Decoding) -> None:
        """Open the pictures of a root folder."""
        key = {
            "root": str(shared_path(root)),
            "decoding": asdict(decoding),
            "code": [code_digest(["pipeline.data.pictures.decode", "pipeline.data.pictures.opening"]), PIL.__version__],
        }
        self.folder = cache_folder() / "pictures" / fingerprint(key)[:16]
        self.folder.mkdir(parents=True, exist_ok=True)
        self.shape = (decoding.height, decoding.width, decoding.channels)
        self.path = self.folder / "pixels.bin"
        with _system_errors(self.folder):
            self._open()

    def _open(self) -> None:
        """Open the index, or begin a new one if it is damaged."""
        index = self.folder / "index.sqlite"
        self._index = sqlite3.connect(index)
        try:
            self._index.execute(TABLE)
            self._index.execute("SELECT row FROM pictures LIMIT 1")
        except sqlite3.DatabaseError as problem:
            self._index.close()
            if _system_error(problem) is not None:
                raise
            self._remove()
            self._index = sqlite3.connect(index)
            self._index.execute(TABLE)
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        (entries, last) = self._index.execute("SELECT count(*), max(row) FROM pictures").fetchone()
        self._next = 0 if last is None else last + 1
        if self._next > MOST_UNUSED + 2 * entries:
            self.close()
            self._remove()
            self._open()

    def close(self) -> None:
        """Close the files."""
        self._index.close()
        os.close(self._file)

    def _remove(self) -> None:
        for file in self.folder.iterdir():
            file.unlink()

    def known(self, pictures: Sequence[Picture]) -> dict[Picture, Entry]:
        """The entries of those pictures whose files have not changed and whose pixels are intact.

        Unreadable pictures are not among them: their reason, such as a missing package, may no longer hold.
        """
        with _system_errors(self.folder):
            return self._known({(picture.name, picture.page): picture for picture in pictures})

    def _known(self, places: Mapping[tuple[str, int], Picture]) -> dict[Picture, Entry]:
        found = {}
        for name, page, *stated, row, digest, problem, facts in self._index.execute(
            "SELECT * FROM pictures WHERE (name, page) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?))",
            [json.dumps([list(place) for place in places])],
        ):
            picture = places[name, page]
            unchanged = problem is None and stated == [picture.bytes, picture.modified]
            if unchanged and sha256(self._bytes(row)).digest() == digest:
                found[picture] = Entry(row, digest, None, Facts(*json.loads(facts)))
        return found

    def new_rows(self, count: int) -> range:
        """The rows for the next `count` pictures. Nobody else gets them."""
        rows = range(self._next, self._next + count)
        self._next = rows.stop
        return rows

    def record(self, entries: Mapping[Picture, Entry]) -> None:
        """Record the results for pictures whose pixels have been written.

        Raises:
            OSError: the disk is full, or cannot be written.
        """
        os.fsync(self._file)
        rows = [
            (*picture, entry.row, entry.digest, entry.problem, json.dumps(entry.facts))
            for picture, entry in entries.items()
        ]
        with _system_errors(self.folder), self._index:
            self._index.executemany("INSERT OR REPLACE INTO pictures VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)

    def _bytes(self, row: int) -> bytes:
        size = int(np.prod(self.shape))
        return os.pread(self._file, size, row * size)
