"""The throughput of `prepare`, against a plain loop with Pillow on one core; what draft decoding changes; later runs.

Preparing includes listing the files, measuring all images, the splits and the audit. Its cache of decoded pictures is
empty unless stated. The loop decodes, resizes and saves the pictures, and nothing else.

    python -m benchmarks.prepare             # 5 minutes on 2 cores
"""

import os
import signal
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np

from benchmarks.alternating import worker_environment
from benchmarks.command import run_part
from benchmarks.generated_pictures import encoded, write_pictures
from benchmarks.measurements import Measurement, of_rounds
from pipeline.data.pictures.decode import Decoding, decode

ROUNDS = 3
GOALS = {1: 0.95, 2: 1.8}
"""Throughput relative to the loop, by the number of processes that decode."""
SIDE = 64


class Kind(NamedTuple):
    """A kind of generated pictures."""

    name: str
    count: int
    width: int
    height: int
    suffix: str


PHOTOGRAPHS = Kind("photographs (JPEG, 1600×1200)", 600, 1600, 1200, ".jpg")
THUMBNAILS = Kind("small pictures (PNG, 64×64)", 20_000, SIDE, SIDE, ".png")


def measure(rounds: int) -> Iterator[Measurement]:
    """Yield throughputs, the effect of draft decoding, and the times of later runs."""
    with TemporaryDirectory() as scratch:
        for kind in (PHOTOGRAPHS, THUMBNAILS):
            folder = Path(scratch) / kind.suffix
            write_pictures(folder, range(kind.count), width=kind.width, height=kind.height, suffix=kind.suffix)
            yield from throughputs(kind, folder, rounds)
        yield from draft(Path(scratch) / PHOTOGRAPHS.suffix, rounds)
        yield from later_runs(Path(scratch) / THUMBNAILS.suffix, rounds)


def throughputs(kind: Kind, folder: Path, rounds: int) -> Iterator[Measurement]:
    """The throughput with one and with two processes that decode, both without draft decoding."""
    loop, ours = [], {workers: [] for workers in GOALS}
    for _ in range(rounds):
        loop.append(loop_seconds(folder))
        for workers, seconds in ours.items():
            seconds.append(our_seconds(folder, "--full-decoding", workers=workers))
    for workers, seconds in ours.items():
        yield of_rounds(
            "prepare",
            f"{kind.name}, {workers} process{'es' if workers > 1 else ''}",
            [peer / own for own, peer in zip(seconds, loop, strict=True)],
            goal=GOALS[workers],
            higher_is_better=True,
            ours=f"{kind.count / statistics.median(seconds):,.0f}/s",
            peer=f"{kind.count / statistics.median(loop):,.0f}/s",
        )


def draft(folder: Path, rounds: int) -> Iterator[Measurement]:
    """The gain in throughput by decoding JPEG files at reduced size, and how much pixels change."""
    pairs = [(our_seconds(folder, workers=1), our_seconds(folder, "--full-decoding", workers=1)) for _ in range(rounds)]
    reduced, full = zip(*pairs, strict=True)
    yield of_rounds(
        "prepare",
        "draft decoding of photographs, against full decoding",
        [slow / quick for quick, slow in pairs],
        higher_is_better=True,
        ours=f"{PHOTOGRAPHS.count / statistics.median(reduced):,.0f}/s",
        peer=f"{PHOTOGRAPHS.count / statistics.median(full):,.0f}/s",
    )
    changes = np.concatenate([change(number) for number in range(20)])
    for name, value in (("mean", changes.mean()), ("largest", changes.max())):
        yield Measurement(
            "prepare", f"draft decoding, {name} change of a pixel value (0 to 255)", float(value), unit=""
        )


def change(number: int) -> np.ndarray:
    """The changes of all pixel values of a photograph by draft decoding."""
    kind = PHOTOGRAPHS
    photograph = encoded(number, width=kind.width, height=kind.height, suffix=kind.suffix)
    quick, _ = decode(photograph, Decoding(SIDE, SIDE, 3))
    full, _ = decode(photograph, Decoding(SIDE, SIDE, 3, draft=False))
    return np.abs(quick.astype(int) - full).ravel()


def later_runs(folder: Path, rounds: int) -> Iterator[Measurement]:
    """The time of a run after 1 % more files were added, and of a run after one that was killed, as shares of a run."""
    added, resumed, whole = [], [], []
    more = THUMBNAILS.count // 100
    for round_ in range(rounds):
        with TemporaryDirectory() as scratch:
            whole.append(our_seconds(folder, workers=2, place=Path(scratch)))
            start = THUMBNAILS.count + round_ * more
            write_pictures(folder, range(start, start + more), width=SIDE, height=SIDE, suffix=THUMBNAILS.suffix)
            added.append(our_seconds(folder, workers=2, place=Path(scratch)))
        with TemporaryDirectory() as scratch:
            kill_at_half(folder, Path(scratch))
            resumed.append(our_seconds(folder, workers=2, place=Path(scratch)))
    for name, seconds in ((f"after adding {more} files", added), ("after kill -9 at half", resumed)):
        yield of_rounds(
            "prepare",
            f"{THUMBNAILS.count:,} small pictures, run {name}, against the first run",
            [one / first for one, first in zip(seconds, whole, strict=True)],
            unit="%",
            ours=f"{statistics.median(seconds):.1f} s",
            peer=f"{statistics.median(whole):.1f} s",
        )


def loop_seconds(folder: Path) -> float:
    """Seconds of the plain loop."""
    with TemporaryDirectory() as place:
        return _seconds(
            ["benchmarks.peers.pillow_loop", str(folder), str(SIDE), str(Path(place) / "pixels.npy")], Path(place), {}
        )


def our_seconds(folder: Path, *options: str, workers: int, place: Path | None = None) -> float:
    """Seconds of preparing, in an empty place by default."""
    with TemporaryDirectory() as empty:
        return _seconds(
            ["benchmarks.our_preparation", str(folder), str(SIDE), *options], place or Path(empty), _limited(workers)
        )


def kill_at_half(folder: Path, place: Path) -> None:
    """Start preparing with two processes and kill it when half of the pictures are recorded."""
    command = [sys.executable, "-m", "benchmarks.our_preparation", str(folder), str(SIDE)]
    process = subprocess.Popen(
        command, cwd=place, env=worker_environment(_limited(2)), stdout=subprocess.DEVNULL, start_new_session=True
    )
    while process.poll() is None and recorded(place) < THUMBNAILS.count / 2:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()


def recorded(place: Path) -> int:
    """The number of pictures in the index of the cache."""
    for index in place.glob(".convtrack/pictures/*/index.sqlite"):
        try:
            with closing(sqlite3.connect(f"file:{index}?mode=ro", uri=True)) as database:
                return int(database.execute("SELECT count(*) FROM pictures").fetchone()[0])
        except sqlite3.OperationalError:
            return 0  # The table is being created.
    return 0


def _limited(workers: int) -> Mapping[str, str]:
    return {"LOKY_MAX_CPU_COUNT": str(workers)}


def _seconds(module: Sequence[str], place: Path, environment: Mapping[str, str]) -> float:
    """Run a module that prints its seconds last.

    Raises:
        RuntimeError: it fails.
    """
    command = [sys.executable, "-m", *module]
    done = subprocess.run(
        command, cwd=place, env=worker_environment(environment), check=False, capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(f"{module[0]} failed:\n{done.stderr[-3000:]}")
    return float(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    run_part("prepare")
