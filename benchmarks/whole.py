"""Time a whole `dvc repro` of the default comparison against a bare Keras script that trains the same networks.

Each round clones the committed project into an empty folder and runs `dvc repro` there, from prepare to report, with
the packages of this environment and empty stores and caches. Then the script `benchmarks/peers/keras_comparison.py`
trains the same networks with the same recipes on the same prepared images, as many replicates of each, one after
another, with the defaults of Keras and TensorFlow. It has no baselines. Its time includes the imports.

    python -m benchmarks.whole --rounds 1    # 12 minutes on 2 cores
"""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.alternating import worker_environment
from benchmarks.command import run_part
from benchmarks.measurements import Measurement, of_rounds
from benchmarks.reproduction import Reproduction, clone, reproduce, reproduce_nothing
from pipeline.cli.composing import composed
from pipeline.comparison.planned import planned_replicates
from pipeline.config.reading import read_comparison
from pipeline.console import say
from pipeline.data.prepared import Prepared, read_prepared
from pipeline.data.splits import SPLITS
from pipeline.errors import UserError
from pipeline.storage.folders import PREPARED, RunFolder
from pipeline.training.examples import Columns, standardisation

ROUNDS = 3

SCRIPT_AUGMENTATION = ("horizontal_flip", "vertical_flip", "quarter_turns", "shift")


def measure(rounds: int) -> Iterator[Measurement]:
    """Yield what a whole comparison takes."""
    found, scripts, idle = [], [], []
    for round_ in range(rounds):
        ours, script, nothing = one_round({})
        say(f"round {round_ + 1} of {rounds}: {ours.seconds:.0f} s, script {script:.0f} s")
        found.append(ours)
        scripts.append(script)
        idle.append(nothing)
    models = len(read_comparison().models)
    yield ratio("whole", "`dvc repro`, against a bare Keras script", found, scripts)
    yield of_rounds(
        "whole",
        "evaluating a model, against its training",
        [one.of("evaluate") / one.of("train") for one in found],
        unit="%",
        goal=0.08,
        ours=f"{statistics.median(one.of('evaluate') for one in found):.0f} s",
        peer=f"{statistics.median(one.of('train') for one in found):.0f} s",
    )
    imports = [float(one.imports) for one in found]
    yield of_rounds("whole", f"imports of TensorFlow, {models} models", imports, unit="", goal=models + 3)
    yield of_rounds("whole", "`make repro` with nothing to do", idle, unit="s", goal=3.0)
    memory = [one.memory / 2**30 for one in found]
    yield of_rounds("whole", "peak memory of all processes", memory, unit="GiB", goal=2e9 / 2**30)
    for stage in dict.fromkeys(name.split("@")[0] for name in found[0].stages):
        yield of_rounds("whole", f"stage {stage}, all models", [one.of(stage) for one in found], unit="s")


def ratio(part: str, name: str, found: Sequence[Reproduction], scripts: Sequence[float]) -> Measurement:
    """The seconds of `dvc repro` divided by those of the script."""
    return of_rounds(
        part,
        name,
        [one.seconds / script for one, script in zip(found, scripts, strict=True)],
        goal=0.5,
        ours=f"{statistics.median(one.seconds for one in found):.0f} s",
        peer=f"{statistics.median(scripts):.0f} s",
    )


def one_round(environment: Mapping[str, str]) -> tuple[Reproduction, float, float]:
    """Run `dvc repro` in a clone, the script, and `make repro` again; return what they took."""
    with TemporaryDirectory() as scratch:
        project = clone(Path(scratch) / "project")
        ours = reproduce(project, environment)
        nothing = statistics.median([reproduce_nothing(project) for _ in range(3)])
        job = write_job(project, Path(scratch))
        return ours, script_seconds(job, environment), nothing


def script_seconds(job: Path, environment: Mapping[str, str]) -> float:
    """Seconds of the bare script, imports included.

    Raises:
        RuntimeError: it fails.
    """
    began = time.perf_counter()
    command = [sys.executable, "-m", "benchmarks.peers.keras_comparison", str(job)]
    done = subprocess.run(command, env=worker_environment(environment), check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"The script failed:\n{done.stderr[-3000:]}")
    return time.perf_counter() - began


def write_job(project: Path, folder: Path) -> Path:
    """Write for the script the standardised images of each replicate, and each network with its recipe."""
    with chdir(project):
        models = read_comparison().models
        planned = {model: planned_replicates(model) for model in models}
        recipes = {model: composed("train", [f"model={model}"]) for model in models}
    prepared = read_prepared(project / PREPARED)
    images = [write_images(prepared, replicate, folder) for replicate in range(max(planned.values()))]
    networks = []
    for model, replicates in planned.items():
        architecture = project / RunFolder.of(model).architecture
        if Columns.of(architecture.read_text(encoding="utf-8")) != Columns(("image",), ("output",)):
            raise UserError(
                f"The bare script trains networks with one input, the image, and one output, its class, but '{model}' "
                "has others: remove it from `models` in conf/comparison.yaml."
            )
        further = set(recipes[model]["augmentation"].chosen) - set(SCRIPT_AUGMENTATION)
        if further:
            raise UserError(
                f"The bare script augments by {', '.join(SCRIPT_AUGMENTATION)} only, but '{model}' has "
                f"{', '.join(sorted(further))}: set them to 0."
            )
        networks.append(
            {
                "architecture": str(architecture),
                "replicates": images[:replicates],
                **{section: asdict(recipes[model][section]) for section in ("optimizer", "training")},
                "augmentation": recipes[model]["augmentation"].chosen,
            }
        )
    written = folder / "job.json"
    written.write_text(json.dumps(networks), encoding="utf-8")
    return written


def write_images(prepared: Prepared, replicate: int, folder: Path) -> str:
    """Write the standardised images and the labels of a replicate, and return the name of the file."""
    standardise = standardisation(prepared, replicate)
    columns: dict[str, Any] = {}
    for split, name in enumerate(SPLITS):
        chosen = prepared.indices(replicate, split)
        columns[name] = standardise(np.asarray(prepared.pixels[chosen]))
        columns[f"{name}_labels"] = prepared.labels[chosen]
    file = folder / f"replicate-{replicate}.npz"
    np.savez(file, **columns)
    return str(file)


if __name__ == "__main__":
    run_part("whole")
