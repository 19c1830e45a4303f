"""`convtrack predict` against a script of plain Keras and Pillow: the first answer, and the throughput.

The network is lecture_cnn for 64×64×3 pixels with random weights. The first answer is the time of the whole command for
one picture. The throughput includes listing, decoding, predicting and writing the answers, without imports. The script
decodes JPEG files at full size, which is its default, and checks nothing.

    python -m benchmarks.predict             # 5 minutes on 2 cores
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.alternating import worker_environment
from benchmarks.command import run_part
from benchmarks.generated_pictures import CLASSES, write_pictures
from benchmarks.measurements import Measurement, of_rounds
from benchmarks.prepare import PHOTOGRAPHS, THUMBNAILS
from pipeline.deployment.runtimes import KERAS_FILE

ROUNDS = 10
GOAL_SECONDS, GOAL_RATIO = 3.0, 0.9


def measure(rounds: int) -> Iterator[Measurement]:
    """Yield the time of the first answer and the throughputs."""
    with TemporaryDirectory() as scratch:
        package, answers = Path(scratch) / "package", Path(scratch) / "answers_of_keras.csv"
        package.mkdir()
        _output("benchmarks.generated_package", package)
        for kind in (PHOTOGRAPHS, THUMBNAILS):
            folder = Path(scratch) / kind.suffix
            write_pictures(folder, range(kind.count), width=kind.width, height=kind.height, suffix=kind.suffix)
        first = folder / CLASSES[0] / "0000" / f"0000000{kind.suffix}"
        yield first_answer(package, first, answers, rounds)
        for kind in (PHOTOGRAPHS, THUMBNAILS):
            folder = Path(scratch) / kind.suffix
            seconds = [
                (
                    float(_output("benchmarks.our_predictions", package, folder, Path(scratch) / "answers.csv")[-1]),
                    float(_output("benchmarks.peers.keras_classify", package / KERAS_FILE, folder, answers)[-1]),
                )
                for _ in range(max(1, rounds // 2))
            ]
            ours, peer = zip(*seconds, strict=True)
            yield of_rounds(
                "predict",
                f"{kind.name}, throughput against Keras and Pillow",
                [other / own for own, other in seconds],
                goal=GOAL_RATIO,
                higher_is_better=True,
                ours=f"{kind.count / statistics.median(ours):,.0f}/s",
                peer=f"{kind.count / statistics.median(peer):,.0f}/s",
            )


def first_answer(package: Path, picture: Path, answers: Path, rounds: int) -> Measurement:
    """The seconds from the start of the command to its end, for one picture."""
    ours, peer = [], []
    for _ in range(rounds):
        ours.append(_seconds("pipeline", "predict", picture, "--model", package))
        peer.append(_seconds("benchmarks.peers.keras_classify", package / KERAS_FILE, picture, answers))
    return of_rounds(
        "predict",
        "first answer for one picture, with the start of the command",
        ours,
        unit="s",
        goal=GOAL_SECONDS,
        ours=f"{statistics.median(ours):.2f} s",
        peer=f"{statistics.median(peer):.2f} s",
    )


def _seconds(module: str, *arguments: object) -> float:
    began = time.perf_counter()
    _output(module, *arguments)
    return time.perf_counter() - began


def _output(module: str, *arguments: object) -> Sequence[str]:
    """The lines that a module prints.

    Raises:
        RuntimeError: it fails.
    """
    command = [sys.executable, "-m", module, *map(str, arguments)]
    done = subprocess.run(command, env=worker_environment({}), check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{module} failed:\n{done.stderr[-3000:]}")
    return done.stdout.splitlines()


if __name__ == "__main__":
    run_part("predict")
