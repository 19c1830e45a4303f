"""Time a training step: this project, plain Keras and PyTorch, in alternating epochs.

Each trains in its own process on one thread, with batches of 32 random images of 64×64×1 and two classes. An epoch has
32 steps, and ends with the validation of 32 images. This project trains as in `dvc repro`. Keras trains with `fit` on
tensors and its own defaults, and so does TensorFlow. PyTorch, if it is installed, trains the same layers in a plain
loop, with and without `torch.compile`. "As on AVX2" limits the libraries to AVX2 instructions, and TensorFlow uses
oneDNN only where it would on such a processor: by default it does not. This emulates a processor without AVX-512 or
AVX-VNNI; clock and caches stay those of this one.

A ratio compares the fastest epochs. The median would flatter this project: on one thread, TensorFlow's default input
pipeline stalls in some epochs of Keras' `fit`, which then take from twice to twenty times as long.

    python -m benchmarks.step                # 8 minutes on 2 cores
"""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from benchmarks.alternating import AVX2, started, together, worker_environment
from benchmarks.command import run_part
from benchmarks.measurements import Measurement
from benchmarks.our_training import model_config
from benchmarks.random_images import STEPS, write_images
from pipeline.data.prepared import read_manifest
from pipeline.networks.describe import Network, make_network
from pipeline.training.runtime import start_tensorflow

GOALS = dict.fromkeys(("lecture_cnn", "lenet5", "locally_connected", "mobilenet", "vgg"), 0.65) | {"resnet8": 0.45}
IN_TORCH = ("lecture_cnn", "resnet8")
ROUNDS = 7


class Competitor(NamedTuple):
    """A worker: its name in the report, its module, its settings and what it adds to the environment."""

    name: str
    module: str
    settings: Mapping[str, Any]
    environment: Mapping[str, str]


def measure(rounds: int) -> Iterator[Measurement]:
    """Yield the ratios of each network when they are known."""
    start_tensorflow(1)
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        prepared = write_images(folder / "prepared")
        for model, goal in GOALS.items():
            network = make_network(model_config(model), read_manifest(prepared))
            competing = competitors(model, network, prepared, folder, epochs=rounds + 2)
            yield from ratios(model, goal, milliseconds(competing, rounds))
    if not torch_works():
        yield Measurement("step", "against PyTorch", None, note="PyTorch cannot be imported: `pip install torch`")


@cache
def torch_works() -> bool:
    """Whether a process of this environment can import PyTorch."""
    command = [sys.executable, "-c", "import torch.nn"]
    return subprocess.run(command, env=worker_environment({}), check=False, capture_output=True).returncode == 0


def competitors(model: str, network: Network, prepared: Path, folder: Path, *, epochs: int) -> list[Competitor]:
    """All workers for a network."""
    architecture = folder / f"{model}.json"
    architecture.write_text(network.architecture, encoding="utf-8")
    files = {"prepared": str(prepared), "checkpoint": str(folder)}
    ours = {"model": model, "augmentation": "none", "epochs": epochs, **files}
    keras = {"architecture": str(architecture), "epochs": epochs}
    found = [
        Competitor("ours", "benchmarks.our_training", ours, {}),
        Competitor("Keras", "benchmarks.peers.keras_fit", keras, {}),
        Competitor("ours, as on AVX2", "benchmarks.our_training", ours, AVX2),
        Competitor("Keras, as on AVX2", "benchmarks.peers.keras_fit", keras, AVX2),
    ]
    if model in IN_TORCH and torch_works():
        torch = {"model": model, "parameters": network.parameters}
        module = "benchmarks.peers.torch_fit"
        found.append(Competitor("PyTorch eager", module, {**torch, "compiled": False}, {}))
        found.append(Competitor("torch.compile", module, {**torch, "compiled": True}, {}))
    return found


def milliseconds(competing: list[Competitor], rounds: int) -> dict[str, list[float]]:
    """Milliseconds per step of each competitor in each round."""
    found: dict[str, list[float]] = {one.name: [] for one in competing}
    with started(*((one.module, one.settings, one.environment) for one in competing)) as workers:
        for _ in range(rounds):
            for one, worker in zip(competing, workers, strict=True):
                (seconds,) = together([worker])
                found[one.name].append(1000 * seconds / STEPS)
    return found


def ratios(model: str, goal: float, found: Mapping[str, list[float]]) -> Iterator[Measurement]:
    """Our fastest round divided by the fastest one of each peer."""
    for peer, theirs in found.items():
        if peer.startswith("ours"):
            continue
        ours = found["ours, as on AVX2" if peer.endswith("as on AVX2") else "ours"]
        yield Measurement(
            "step",
            f"{model}, against {peer}",
            min(ours) / min(theirs),
            goal=goal if peer.startswith("Keras") else 1.0,
            ours=f"{min(ours):.1f} ms",
            peer=f"{min(theirs):.1f} ms",
            rounds=len(ours),
        )


if __name__ == "__main__":
    run_part("step")
