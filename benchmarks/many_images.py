"""Prepare and audit up to a million images of 64×64×3, and train one epoch of a small network: time and memory.

Pictures are JPEG files of about 2 kB, a thousand per folder. A run at each size starts with an empty cache. Times are
without the imports. The share of waiting is that of a step of lecture_cnn on 1,024 images drawn from all of them.

    python -m benchmarks.many_images         # 40 minutes on 2 cores, and 30 GB of disk space
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np

from benchmarks.alternating import started, together, worker_environment
from benchmarks.command import run_part
from benchmarks.generated_pictures import write_pictures
from benchmarks.input import waiting
from benchmarks.measurements import Measurement
from benchmarks.process_tree import peak_memory
from benchmarks.random_images import HELD_OUT, TRAINING
from pipeline.data.splits import TEST, TRAIN, VALIDATION
from pipeline.storage.folders import PREPARED

ROUNDS = 9
"""Rounds of the share of waiting; everything else is measured once."""
SIZES = (1_000, 10_000, 100_000, 1_000_000)
SIDE = 64
GOAL = 2e9 / 2**20
"""MiB of all processes together."""


class Preparation(NamedTuple):
    """What a preparation took: seconds, and bytes of memory of all processes."""

    seconds: float
    memory: int


def measure(rounds: int) -> Iterator[Measurement]:
    """Yield time per image and memory by the number of images, and what training on all of them takes."""
    with TemporaryDirectory(dir=Path.cwd()) as scratch:
        place, pictures, before = Path(scratch), Path(scratch) / "pictures", 0
        for size in SIZES:
            write_pictures(
                pictures, range(before, size), width=SIDE, height=SIDE, suffix=".jpg", workers=os.cpu_count() or 1
            )
            before = size
            taken = prepared(pictures, place)
            milliseconds = 1000 * taken.seconds / size
            yield Measurement("many_images", f"prepare {size:,} images, per image", milliseconds, unit="ms")
            memory = taken.memory / 2**20
            yield Measurement("many_images", f"prepare {size:,} images, memory", memory, unit="MiB", goal=GOAL)
        shutil.rmtree(place / ".convtrack")
        yield from training(place / PREPARED, place)
        draw_few(place / PREPARED)
        yield waiting("many_images", f"waiting for data, 1,024 of {size:,} images", place / PREPARED, rounds)


def prepared(pictures: Path, place: Path) -> Preparation:
    """Prepare pictures in a place whose cache is emptied.

    Raises:
        RuntimeError: it fails.
    """
    for left in (".convtrack", "data"):
        shutil.rmtree(place / left, ignore_errors=True)
    (place / "test_set.json").unlink(missing_ok=True)
    command = [sys.executable, "-m", "benchmarks.our_preparation", str(pictures), str(SIDE)]
    process = subprocess.Popen(command, cwd=place, env=worker_environment({}), stdout=subprocess.PIPE, text=True)
    with peak_memory(process.pid) as peak:
        output, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(f"Preparing failed:\n{output[-3000:]}")
    return Preparation(float(output.splitlines()[-1]), peak.total)


def training(folder: Path, place: Path) -> Iterator[Measurement]:
    """Train one epoch of the smallest network, validation included, after another one."""
    settings: Mapping[str, object] = {
        "model": "logistic",
        "prepared": str(folder),
        "checkpoint": str(place),
        "epochs": 2,
        "augmentation": "none",
    }
    with peak_memory(os.getpid()) as peak, started(("benchmarks.our_training", settings, {})) as (worker,):
        (seconds,) = together([worker])
    images = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["images"]
    yield Measurement("many_images", f"an epoch of logistic on {images:,} images", seconds, unit="s")
    yield Measurement(
        "many_images", f"training on {images:,} images, memory", peak.total / 2**20, unit="MiB", goal=GOAL
    )


def draw_few(folder: Path) -> None:
    """Let the split consist of few images that are drawn from all, so that an epoch is short."""
    splits = np.load(folder / "splits.npy")
    splits[0] = TEST
    drawn = np.random.default_rng(0).permutation(splits.shape[1])[: TRAINING + HELD_OUT]
    splits[0, drawn[:TRAINING]], splits[0, drawn[TRAINING:]] = TRAIN, VALIDATION
    np.save(folder / "splits.npy", splits)


if __name__ == "__main__":
    run_part("many_images")
