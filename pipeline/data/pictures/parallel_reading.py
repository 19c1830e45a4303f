"""Decode the pictures of a folder, in parallel, and only those whose files are new or have changed."""

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import joblib
import numpy as np
from filelock import FileLock
from joblib.externals.loky.process_executor import BrokenProcessPool, ProcessPoolExecutor
from numpy.typing import NDArray

from pipeline.console import say
from pipeline.data.pictures.decode import Decoding, Facts, Unreadable, decode
from pipeline.data.pictures.decoded import DecodedPictures, Entry, Picture
from pipeline.errors import UserError
from pipeline.storage.folders import CACHE
from pipeline.storage.interrupts import interrupts_blocked
from pipeline.storage.processes import end_with_parent

TOGETHER = 64
"""A worker decodes this many pictures at a time."""
ALONE = 256
"""With fewer pictures, starting workers would take longer than decoding."""
EVERY = 5.0
"""Seconds between two lines that report progress."""


class Reading(NamedTuple):
    """The decoded pixels of the readable pictures, with their facts, and the reasons for the others."""

    pixels: "StoredPixels"
    facts: list[Facts]
    readable: NDArray[np.bool_]  # of all pictures
    problems: list[tuple[Picture, str]]


class StoredPixels:
    """Decoded pictures on disk, uint8 of shape (n, height, width, channels), read when they are sliced."""

    dtype = np.dtype(np.uint8)

    def __init__(self, path: Path, rows: NDArray[np.int64], shape: tuple[int, int, int]) -> None:
        """Read these rows of the file at `path`."""
        self.path = path
        self.rows = rows
        self.shape: tuple[int, ...] = (len(rows), *shape)

    def __len__(self) -> int:
        """Number of pictures."""
        return len(self.rows)

    def __getitem__(self, rows: slice) -> NDArray[np.uint8]:
        """Read some of the pictures."""
        chosen = self.rows[rows].tolist()
        pictures = np.empty((len(chosen), *self.shape[1:]), np.uint8)
        size = int(np.prod(self.shape[1:]))
        with self.path.open("rb", buffering=0) as stream:
            for picture, row in zip(pictures, chosen, strict=True):
                os.preadv(stream.fileno(), [memoryview(picture.data).cast("B")], row * size)
        return pictures


def read_pictures(
    root: Path, pictures: Sequence[Picture], decoding: Decoding, *, workers: int | None = None
) -> Reading:
    """Decode pictures below `root`, or take them from the cache; report progress if it takes long.

    Args:
        root: the folder that the names of the pictures are relative to.
        pictures: n pictures.
        decoding: size and other settings.
        workers: the number of processes that decode, by default one for each core.
    """
    (CACHE / "pictures").mkdir(parents=True, exist_ok=True)
    with FileLock(CACHE / "pictures" / "lock"):
        store = DecodedPictures(root, decoding)
        try:
            entries = _entries(store, root, pictures, decoding, workers)
        finally:
            store.close()
    readable = np.array([entry.row is not None for entry in entries], bool)
    return Reading(
        StoredPixels(store.path, np.array([entry.row for entry in entries if entry.row is not None], int), store.shape),
        [entry.facts for entry in entries if entry.facts is not None],
        readable,
        [(picture, entry.problem) for picture, entry in zip(pictures, entries, strict=True) if entry.problem],
    )


def _entries(
    store: DecodedPictures, root: Path, pictures: Sequence[Picture], decoding: Decoding, workers: int | None
) -> list[Entry]:
    entries: dict[Picture, Entry] = {}
    for some in _batches(pictures, 16 * TOGETHER):
        entries |= store.known(some)
    new = [picture for picture in pictures if picture not in entries]
    began = said = time.monotonic()
    for found in _decoded(store, root, new, decoding, workers):
        store.record(found)
        entries |= found
        now = time.monotonic()
        if now - said > EVERY:
            said = now
            done = len(entries) - len(pictures) + len(new)
            left = (now - began) / done * (len(new) - done)
            say(f"{done:,} of {len(new):,} pictures read, about {_duration(left)} left")
    return [entries[picture] for picture in pictures]


def _decoded(
    store: DecodedPictures, root: Path, pictures: Sequence[Picture], decoding: Decoding, workers: int | None
) -> Iterator[dict[Picture, Entry]]:
    """Decode pictures and write their pixels; yield the entries of those that are done."""
    tasks = ((root, some, store.new_rows(len(some)), decoding, store.path) for some in _batches(pictures, TOGETHER))
    count = workers or joblib.cpu_count()
    if count == 1 or len(pictures) < ALONE:
        yield from (_decode_some(*task) for task in tasks)
        return
    context = multiprocessing.get_context("spawn")
    executor = ProcessPoolExecutor(count, context=context, initializer=_start_worker)
    running = set()
    try:
        for task in tasks:
            # A Ctrl-C in this block is raised at its end, and does not reach the workers that it starts.
            with interrupts_blocked():
                running.add(executor.submit(_decode_some, *task))
            if len(running) >= 3 * count:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        for future in running:
            yield future.result()
    except BrokenProcessPool as problem:
        raise UserError(
            "A process that decodes pictures was killed, possibly because memory ran out. Run the same command again: "
            "pictures that were decoded are not decoded again."
        ) from problem
    finally:
        executor.shutdown(wait=False, kill_workers=True)


def _start_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()


def _decode_some(
    root: Path, pictures: Sequence[Picture], rows: Sequence[int], decoding: Decoding, path: Path
) -> dict[Picture, Entry]:
    """Decode pictures and write them to rows of the file at `path`."""
    entries = {}
    size = decoding.height * decoding.width * decoding.channels
    with path.open("r+b", buffering=0) as stream:
        for picture, row in zip(pictures, rows, strict=True):
            try:
                pixels, facts = decode(root / picture.name, decoding, page=picture.page)
            except Unreadable as problem:
                entries[picture] = Entry(None, b"", str(problem), None)
                continue
            os.pwrite(stream.fileno(), pixels.tobytes(), row * size)
            entries[picture] = Entry(row, sha256(pixels.tobytes()).digest(), None, facts)
    return entries


def _batches(pictures: Sequence[Picture], size: int) -> Iterator[Sequence[Picture]]:
    for start in range(0, len(pictures), size):
        yield pictures[start : start + size]


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
