"""The comparison of `benchmarks.whole` as on a processor with AVX2 only.

The environment of both sides limits the libraries to AVX2 instructions, and TensorFlow uses oneDNN only where it would
on such a processor: by default it does not, in this project it does. Clock and caches stay those of this processor.

    python -m benchmarks.whole_avx2 --rounds 1    # 27 minutes on 2 cores
"""

from collections.abc import Iterator

from benchmarks.alternating import AVX2
from benchmarks.command import run_part
from benchmarks.measurements import Measurement
from benchmarks.whole import one_round, ratio
from pipeline.console import say

ROUNDS = 1


def measure(rounds: int) -> Iterator[Measurement]:
    """Yield the ratio of the times."""
    found, scripts = [], []
    for round_ in range(rounds):
        ours, script, _ = one_round(AVX2)
        say(f"round {round_ + 1} of {rounds}: {ours.seconds:.0f} s, script {script:.0f} s")
        found.append(ours)
        scripts.append(script)
    yield ratio("whole_avx2", "`dvc repro`, against a bare Keras script, as on AVX2", found, scripts)


if __name__ == "__main__":
    run_part("whole_avx2")
