"""Decode the pictures of a folder, in parallel, and only those whose files are new or have changed."""

import multiprocessing
import signal
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from hashlib import sha256
from itertools import compress, pairwise
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import numpy as np
from filelock import FileLock
from joblib.externals.loky.process_executor import BrokenProcessPool, ProcessPoolExecutor
from numpy.typing import NDArray

from pipeline.console import Progress
from pipeline.data.images import FileFacts
from pipeline.data.pictures.decode import Decoding, Facts, decode
from pipeline.data.pictures.decoded import DecodedPictures, Entry, Picture
from pipeline.data.pictures.opening import Unreadable
from pipeline.errors import UserError
from pipeline.storage.folders import cache_folder
from pipeline.storage.processes import end_with_parent
from pipeline.storage.worker_start import end_pool, workers_starting

TOGETHER = 64
"""A worker decodes this many pictures at a time."""
ALONE = 256
"""With fewer pictures, starting workers would take longer than decoding."""
RECORD_EVERY = 1.0
"""After this many seconds the index records what has been decoded."""
FACTS = np.dtype(
    [
        ("width", np.int64),
        ("height", np.int64),
        ("mode", "U8"),
        ("format", "U8"),
        ("frames", np.int64),
        ("transparent", np.bool_),
        ("lowest", np.float64),
        ("highest", np.float64),
    ]
)
"""`Facts` as an element of an array."""


class Reading(NamedTuple):
    """The decoded pixels of the readable pictures, with facts about their files, and the reasons for the others."""

    pixels: "StoredPixels"
    files: FileFacts  # of the readable pictures
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
        chosen = self.rows[rows]
        pictures = np.empty((len(chosen), *self.shape[1:]), np.uint8)
        size = int(np.prod(self.shape[1:]))
        # Rows that follow one another, as after the first run, are read at once.
        starts = np.flatnonzero(np.diff(chosen, prepend=-2) != 1).tolist()
        with self.path.open("rb", buffering=0) as stream:
            for start, stop in pairwise([*starts, len(chosen)]):
                stream.seek(int(chosen[start]) * size)
                run = memoryview(pictures[start:stop].data).cast("B")
                while len(run):  # The system reads at most 2 GiB at once.
                    read = stream.readinto(run)
                    if not read:
                        raise UserError(
                            f"{self.path} became shorter while it was read, because another process decodes the "
                            "pictures again: run the same command again."
                        )
                    run = run[read:]
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
    (cache_folder() / "pictures").mkdir(parents=True, exist_ok=True)
    with FileLock(cache_folder() / "pictures" / "lock"):
        store = DecodedPictures(root, decoding)
        try:
            collected = _collected(store, root, pictures, decoding, workers)
        finally:
            store.close()
    readable = collected.rows >= 0
    good = pictures if readable.all() else list(compress(pictures, readable.tolist()))
    return Reading(
        StoredPixels(store.path, collected.rows[readable], store.shape),
        FileFacts(
            bytes=np.fromiter((picture.bytes for picture in good), np.int64, len(good)),
            modified=np.fromiter((picture.modified for picture in good), np.int64, len(good)),
            **{name: collected.facts[name][readable] for name in Facts._fields},
        ),
        readable,
        [(pictures[place], problem) for place, problem in sorted(collected.problems.items())],
    )


class _Collected:
    """The results for n pictures in arrays: a million objects in Python would take gigabytes."""

    def __init__(self, count: int) -> None:
        self.rows = np.full(count, -1, np.int64)  # -1: unreadable, or not read yet
        self.facts = np.zeros(count, FACTS)
        self.problems: dict[int, str] = {}  # by the number of the picture

    def add(self, number: int, entry: Entry) -> None:
        if entry.row is None:
            self.problems[number] = str(entry.problem)
        else:
            self.rows[number] = entry.row
            self.facts[number] = entry.facts


def _collected(
    store: DecodedPictures, root: Path, pictures: Sequence[Picture], decoding: Decoding, workers: int | None
) -> _Collected:
    collected = _Collected(len(pictures))
    new: list[int] = []
    for numbers in _batches(range(len(pictures)), 16 * TOGETHER):
        known = store.known([pictures[number] for number in numbers])
        for number in numbers:
            if pictures[number] in known:
                collected.add(number, known[pictures[number]])
            else:
                new.append(number)
    if not new:
        return collected
    progress = Progress(len(new), "pictures read")
    unrecorded: dict[Picture, Entry] = {}
    recorded = time.monotonic()
    try:
        for numbers, entries in _decoded(store, root, pictures, new, decoding, workers):
            for number, entry in zip(numbers, entries, strict=True):
                collected.add(number, entry)
                unrecorded[pictures[number]] = entry
            progress.advance(len(numbers))
            # Each record waits for the disk.
            if time.monotonic() - recorded > RECORD_EVERY:
                store.record(unrecorded)
                unrecorded.clear()
                recorded = time.monotonic()
    finally:
        store.record(unrecorded)
        progress.close()
    return collected


def _decoded(
    store: DecodedPictures,
    root: Path,
    pictures: Sequence[Picture],
    numbers: Sequence[int],
    decoding: Decoding,
    workers: int | None,
) -> Iterator[tuple[Sequence[int], list[Entry]]]:
    """Decode the pictures with these numbers, write their pixels, and yield the numbers and entries of those done."""

    def task(some: Sequence[int]) -> tuple[Any, ...]:
        return root, [pictures[number] for number in some], store.new_rows(len(some)), decoding, store.path

    count = workers or joblib.cpu_count()
    if count == 1 or len(numbers) < ALONE:
        yield from ((some, _decode_some(*task(some))) for some in _batches(numbers, TOGETHER))
        return
    context = multiprocessing.get_context("spawn")
    executor = ProcessPoolExecutor(count, context=context, initializer=_start_worker)
    running: dict[Future[list[Entry]], Sequence[int]] = {}
    try:
        for some in _batches(numbers, TOGETHER):
            with workers_starting():
                running[executor.submit(_decode_some, *task(some))] = some
            if len(running) >= 3 * count:
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    yield running.pop(future), future.result()
        for future, some in running.items():
            yield some, future.result()
    except BrokenProcessPool as problem:
        raise UserError(
            "A process that decodes pictures was killed, possibly because memory ran out. Run the same command again: "
            "pictures that were decoded are not decoded again."
        ) from problem
    finally:
        end_pool(executor, wait=True)


def _start_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()


def _decode_some(
    root: Path, pictures: Sequence[Picture], rows: Sequence[int], decoding: Decoding, path: Path
) -> list[Entry]:
    """Decode pictures and write them to rows of the file at `path`."""
    entries = []
    size = decoding.height * decoding.width * decoding.channels
    # Buffered, because unbuffered writes may write a part only, as on a full disk.
    with path.open("r+b") as stream:
        for picture, row in zip(pictures, rows, strict=True):
            try:
                pixels, facts = decode(root / picture.name, decoding, page=picture.page)
            except Unreadable as problem:
                entries.append(Entry(None, b"", str(problem), None))
                continue
            values = np.ascontiguousarray(pixels).data
            if stream.tell() != row * size:
                stream.seek(row * size)
            stream.write(values)
            entries.append(Entry(row, sha256(values).digest(), None, facts))
    return entries


def _batches(numbers: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    for start in range(0, len(numbers), size):
        yield numbers[start : start + size]
