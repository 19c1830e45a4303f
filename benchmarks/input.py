"""The share of a training step that is spent waiting for data: lecture_cnn, batches of 32, one processor core.

A worker trains with this project's own input, another one repeats a batch that is ready in memory; the difference of
their times is the time spent on input. Both run on the same core, so that no other core can hide the work: in a
comparison, the other cores train other replicates.

    python -m benchmarks.input               # 1 minute on 2 cores
"""

import statistics
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.alternating import Start, started, together
from benchmarks.command import run_part
from benchmarks.measurements import Measurement, of_rounds
from benchmarks.random_images import STEPS, write_images

GOAL = 0.02
ROUNDS = 9
AUGMENTATIONS = {"none": "without augmentation", "flips": "with flips"}


def measure(rounds: int) -> Iterator[Measurement]:
    """Yield the share without and with augmentation."""
    with TemporaryDirectory() as scratch:
        prepared = write_images(Path(scratch) / "prepared")
        for augmentation, name in AUGMENTATIONS.items():
            yield waiting("input", f"waiting for data, lecture_cnn {name}", prepared, rounds, augmentation=augmentation)


def waiting(part: str, name: str, prepared: Path, rounds: int, *, augmentation: str = "none") -> Measurement:
    """The share of a step of lecture_cnn that waits for data from a folder with `TRAINING` training images."""
    with TemporaryDirectory() as checkpoint:
        common = {
            "model": "lecture_cnn",
            "prepared": str(prepared),
            "checkpoint": checkpoint,
            "epochs": rounds + 2,
            "core": 0,
        }
        own: Start = ("benchmarks.our_training", {**common, "augmentation": augmentation}, {})
        ready: Start = ("benchmarks.our_training", {**common, "augmentation": "none", "repeat_batch": True}, {})
        with started(own, ready) as workers:
            seconds = [[together([worker])[0] for worker in workers] for _ in range(rounds)]
    taken, without = zip(*seconds, strict=True)
    return of_rounds(
        part,
        name,
        [1 - ready / one for one, ready in seconds],
        unit="%",
        goal=GOAL,
        ours=f"{1000 * statistics.median(taken) / STEPS:.2f} ms",
        peer=f"{1000 * statistics.median(without) / STEPS:.2f} ms",
    )


if __name__ == "__main__":
    run_part("input")
