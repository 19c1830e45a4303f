"""The stage `interpret` of the comparison in this folder, as a share of the training time of each model.

Needs the trained comparison of this folder, as `make repro` leaves it. Imports are not included.

    python -m benchmarks.interpret           # 5 minutes on 2 cores
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.alternating import worker_environment
from benchmarks.command import run_part
from benchmarks.measurements import Measurement, of_rounds
from pipeline.config.reading import read_comparison
from pipeline.storage.files import read_json
from pipeline.storage.folders import INTERPRETATION, NETWORKS, PREPARED, RUNS

ROUNDS = 5
GOAL_SHARE = 0.25
READ = (Path("conf"), PREPARED, NETWORKS, RUNS)


def measure(rounds: int) -> Iterator[Measurement]:
    """Yield the share of each model that is interpreted."""
    shares: dict[str, list[float]] = {}
    seconds: dict[str, str] = {}
    for _ in range(rounds):
        with TemporaryDirectory() as scratch:
            _interpret(Path(scratch))
            for model in read_comparison().models:
                record = Path(scratch) / INTERPRETATION / model / "record.json"
                if record.is_file():
                    taken = read_json(record, "seconds", "training_seconds")
                    shares.setdefault(model, []).append(taken["seconds"] / taken["training_seconds"])
                    seconds[model] = f"{taken['seconds']:.1f} s of {taken['training_seconds']:.0f} s"
    for model, values in shares.items():
        yield of_rounds(
            "interpret",
            f"interpretation of {model} as a share of its training",
            values,
            unit="%",
            goal=GOAL_SHARE,
            ours=seconds[model],
        )


def _interpret(project: Path) -> None:
    """Run the stage in an empty folder that has only what the stage reads."""
    for folder in READ:
        (project / folder).parent.mkdir(parents=True, exist_ok=True)
        (project / folder).symlink_to(folder.resolve())
    command = [sys.executable, "-m", "pipeline", "interpret"]
    subprocess.run(command, cwd=project, env=worker_environment({}), check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    run_part("interpret")
