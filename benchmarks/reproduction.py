"""One `dvc repro` in a fresh clone of the project: seconds in all and by stage, memory, and imports of TensorFlow."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from benchmarks.alternating import worker_environment
from benchmarks.process_tree import peak_memory

HOOKS = Path(__file__).parent / "hooks"
STARTED = re.compile(r"Running stage '([^']+)'")


class Reproduction(NamedTuple):
    """What one `dvc repro` took: seconds, seconds by stage, peak memory in bytes, and imports of TensorFlow."""

    seconds: float
    stages: Mapping[str, float]
    memory: int
    imports: int

    def of(self, name: str) -> float:
        """Seconds of the stages of this name, of all models together."""
        return sum(seconds for stage, seconds in self.stages.items() if stage.split("@")[0] == name)


def clone(folder: Path) -> Path:
    """Clone the committed state of the project; store, cache and outputs of the clone are empty."""
    subprocess.run(["git", "clone", "--quiet", str(Path.cwd()), str(folder)], check=True)
    return folder


def reproduce(project: Path, environment: Mapping[str, str]) -> Reproduction:
    """Run `dvc repro` in a project.

    Raises:
        RuntimeError: it fails.
    """
    imports = project / "imports.log"
    added = {**environment, "BENCHMARK_IMPORTS": str(imports), "PYTHONUNBUFFERED": "1"}
    began = time.perf_counter()
    command = subprocess.Popen(
        ["dvc", "repro"],
        cwd=project,
        env=project_environment(project, added),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    lines = []
    with peak_memory(command.pid) as peak:
        assert command.stdout
        for line in command.stdout:
            lines.append((time.perf_counter() - began, line))
        failed = command.wait()
    seconds = time.perf_counter() - began
    if failed:
        raise RuntimeError("`dvc repro` failed:\n" + "".join(line for _, line in lines)[-3000:])
    count = len(imports.read_text(encoding="utf-8").split()) if imports.is_file() else 0
    return Reproduction(seconds, stage_seconds(lines, seconds), peak.total, count)


def reproduce_nothing(project: Path) -> float:
    """Seconds of a `make repro` with nothing to do."""
    began = time.perf_counter()
    # -o: the clone uses this environment instead of installing its own.
    subprocess.run(
        ["make", "repro", "-o", ".venv/installed"],
        cwd=project,
        env=project_environment(project, {}),
        check=True,
        capture_output=True,
    )
    return time.perf_counter() - began


def project_environment(project: Path, added: Mapping[str, str]) -> dict[str, str]:
    """The environment in which commands use the code and the stores of `project`, and this Python's packages."""
    paths = {
        "PYTHONPATH": os.pathsep.join(map(str, (project, HOOKS))),
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
    }
    environment = worker_environment({"DVC_NO_ANALYTICS": "true", **paths, **added})
    environment.pop("MLFLOW_TRACKING_URI", None)
    return environment


def stage_seconds(lines: Iterable[tuple[float, str]], end: float) -> dict[str, float]:
    """Seconds of each stage, from the output of DVC: pairs of the time at which a line was written, and the line.

    >>> stage_seconds([(1.0, "Running stage 'prepare':"), (2.0, "…"), (4.0, "Running stage 'train@lenet5':")], 9.0)
    {'prepare': 3.0, 'train@lenet5': 5.0}
    """
    begun = [(found.group(1), at) for at, line in lines if (found := STARTED.match(line))]
    ends = [*(at for _, at in begun[1:]), end]
    return {stage: until - since for (stage, since), until in zip(begun, ends, strict=True)}
