"""Files that a node of a cluster needs, found there by their digests, or stored there from bytes that were sent.

A node first looks for the files where the sender has them, which succeeds on a shared file system, and then in its own
folder. Only if they are in neither place are their bytes sent, once for all workers of the node.
"""

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from filelock import FileLock

from pipeline.errors import UserError
from pipeline.storage.files import replacing_folder
from pipeline.storage.fingerprints import fingerprint
from pipeline.storage.folders import CACHE_NAME

CHUNK = 2**25
"""Bytes that are sent at once: a large file never is in memory as a whole."""
KEPT = 30 * 24 * 3600
"""Seconds after which a node deletes files that no training has used."""

Contents = Mapping[str, bytes]
"""The contents of small files by their path below a folder."""


class Damaged(Exception):
    """Bytes that were received do not have the digest of those that were sent."""


@dataclass(frozen=True)
class SentFile:
    """The size in bytes and the SHA-256 of a file."""

    size: int
    digest: str


@dataclass(frozen=True)
class SentFolder:
    """The files of a folder by name, and where the sender has them."""

    place: Path
    files: Mapping[str, SentFile]

    @classmethod
    def of(cls, folder: Path, names: Iterable[str] | None = None) -> "SentFolder":
        """Describe the files in a folder, or those of these names; each is read once."""
        chosen = sorted(names if names is not None else (file.name for file in folder.iterdir() if file.is_file()))
        files = {name: SentFile((folder / name).stat().st_size, _digest(folder / name)) for name in chosen}
        return cls(folder.resolve(), files)

    @property
    def digest(self) -> str:
        """SHA-256 over the names and digests of all files."""
        return fingerprint({name: file.digest for name, file in self.files.items()})

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files.values())

    def chunks(self, name: str) -> Iterator[bytes]:
        """The content of a file in pieces of at most `CHUNK` bytes."""
        with (self.place / name).open("rb") as stream:
            while piece := stream.read(CHUNK):
                yield piece


def found_files(sent: SentFolder, store: Path) -> Path | None:
    """The folder on this machine that has these files, or None: the sender's folder, or that in the `store`."""
    if _has_files(sent.place, sent):
        return sent.place
    folder = store / sent.digest
    if not _has_files(folder, sent):
        return None
    os.utime(folder)
    return folder


def store_files(sent: SentFolder, store: Path, read: Callable[[str], Iterable[bytes]]) -> Path:
    """Write the files into the `store` unless another process has done so, and return their folder.

    Damaged ones are replaced.

    `read` yields the content of a file by its name.

    Raises:
        Damaged: the content that was received is not the one that was sent.
    """
    store.mkdir(parents=True, exist_ok=True)
    with FileLock(store / f"{sent.digest}.lock"):
        folder = store / sent.digest
        if not _has_files(folder, sent):
            with replacing_folder(folder) as unfinished:
                for name, file in sent.files.items():
                    _write(unfinished / name, read(name), file.digest)
        return folder


def packed(folder: Path, *, without: Sequence[str] = ()) -> dict[str, bytes]:
    """The contents of all files below a folder, except those with these names and temporary ones."""
    files = [file for file in sorted(folder.rglob("*")) if file.is_file() and file.name not in without]
    return {str(file.relative_to(folder)): file.read_bytes() for file in files if not file.name.startswith(".")}


def digests(contents: Contents) -> dict[str, str]:
    """The SHA-256 of each content."""
    return {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}


def unpack(contents: Contents, folder: Path) -> None:
    """Write contents below a folder.

    Raises:
        ValueError: a path leads out of the folder.
    """
    for name, content in contents.items():
        file = folder / name
        if not file.resolve().is_relative_to(folder.resolve()):
            raise ValueError(f"A path must lead into {folder}. Received '{name}'.")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def node_folder() -> Path:
    """The folder of this user on this machine for files of trainings that other machines started.

    It lies in the folder for temporary files (TMPDIR). What no training has used for 30 days is deleted.

    Raises:
        UserError: the folder belongs to another user.
    """
    folder = Path(tempfile.gettempdir()) / f"convtrack-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise UserError(f"{folder} must belong to the user of this node. Delete it, or set TMPDIR to another folder.")
    for old in [*folder.glob("files/*"), *folder.glob(f"{CACHE_NAME}/*/*")]:
        if time.time() - old.stat().st_mtime > KEPT:
            shutil.rmtree(old, ignore_errors=True)
    return folder


def _has_files(folder: Path, sent: SentFolder) -> bool:
    """Whether a folder has these files. A process reads them once, and then compares their sizes and times only."""
    try:
        for name, file in sent.files.items():
            state = (folder / name).stat()
            if (
                state.st_size != file.size
                or _known_digest(folder / name, state.st_ino, state.st_mtime_ns) != file.digest
            ):
                return False
    except OSError:
        return False
    return True


@cache
def _known_digest(file: Path, inode: int, changed: int) -> str:
    """The digest of a file with this inode that changed at this time, in nanoseconds."""
    return _digest(file)


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _write(file: Path, pieces: Iterable[bytes], expected: str) -> None:
    digest = hashlib.sha256()
    with file.open("wb") as stream:
        for piece in pieces:
            digest.update(piece)
            stream.write(piece)
    if digest.hexdigest() != expected:
        raise Damaged(f"{file.name} arrived damaged")
