"""A training task, small enough to send to another process, and the fingerprint of its result."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pipeline.config.schema import AugmentationConfig, OptimizerConfig, TrainingConfig
from pipeline.data.prepared import read_manifest
from pipeline.errors import UserError
from pipeline.storage.digests import digest_of
from pipeline.storage.files import existing, read_json
from pipeline.storage.fingerprints import code_digest, fingerprint
from pipeline.storage.folders import ResultFolder
from pipeline.storage.imports import import_closure, module_file
from pipeline.training.devices import gpus, processor

COMPUTING = (
    "pipeline.augmentation.augment",
    "pipeline.augmentation.erasing",
    "pipeline.augmentation.intensities",
    "pipeline.augmentation.mixing",
    "pipeline.augmentation.symmetries",
    "pipeline.augmentation.warping",
    "pipeline.training.batch_normalization",
    "pipeline.training.batches",
    "pipeline.training.checkpoints",
    "pipeline.training.compiling",
    "pipeline.training.examples",
    "pipeline.training.export",
    "pipeline.training.fit",
    "pipeline.training.initial",
    "pipeline.training.latency",
    "pipeline.training.loops",
    "pipeline.training.outputs",
    "pipeline.training.predict",
    "pipeline.training.runtime",
    "pipeline.training.start",
)
"""The modules that determine a result, with its outputs, latency and exported network.

If what they compute changes, networks are trained again.
"""

FRAMEWORKS = ("tensorflow", "keras", "numpy", "opencv-python-headless")

SCALING = ("mean", "standard_deviation")
"""The manifest's statistics of a replicate's training pixels, which standardise its images."""


@dataclass(frozen=True)
class Task:
    """The training of one replicate of one model.

    `architecture` is the network's JSON and `prepared` the folder of the prepared images. `initial_weights` is a file
    of weights to start from, or None if all weights are drawn at random. The name of the model and whether there are
    `snapshots` do not affect the result.
    """

    replicate: int
    architecture: str
    initial_weights: Path | None
    prepared: Path
    optimizer: OptimizerConfig
    training: TrainingConfig
    augmentation: AugmentationConfig
    fingerprint: str
    model_fingerprint: str
    configuration_fingerprint: str
    model: str
    snapshots: bool

    @property
    def result(self) -> ResultFolder:
        """The folder of the finished training, whether it exists yet or not."""
        return ResultFolder.stored(self.fingerprint)


@dataclass(frozen=True)
class Progress:
    """Progress of one replicate: its history so far, new pictures of kernels and feature maps if any, and the end."""

    replicate: int
    history: list[dict[str, float]]
    kernels: Path | None = None
    maps: Path | None = None
    last: bool = False


class Pruned(Exception):
    """Raised by a progress callback to stop an unpromising training."""


OnProgress = Callable[[Progress], None]


def make_tasks(
    architecture: str,
    prepared: Path,
    replicates: int,
    *,
    initial_weights: Path | None = None,
    optimizer: OptimizerConfig,
    training: TrainingConfig,
    augmentation: AugmentationConfig,
    name: str = "network",
    snapshots: bool = True,
) -> list[Task]:
    """The trainings of one model, one per replicate; `name` is that of the model.

    Each has three fingerprints. `fingerprint` identifies the result of one replicate. `model_fingerprint` leaves out
    what differs between the replicates: the number and the split of each. `configuration_fingerprint` also leaves out
    the seed, versions, code and machine: it identifies what a user chose to compare.

    Raises:
        UserError: there are fewer prepared splits than `replicates`.
    """
    manifest = read_manifest(prepared)
    if replicates > len(manifest["replicates"]):
        raise UserError(
            f"`replicates` must be at most the number of splits prepared, {len(manifest['replicates'])}; "
            f"`convtrack prepare replicates={replicates}` makes more. Received {replicates}."
        )
    settings: dict[str, Any] = asdict(training)
    seed, threads = settings.pop("seed"), settings.pop("threads")
    configuration = {
        "architecture": sha256(architecture.encode()).hexdigest(),
        "initial_weights": digest_of(existing(initial_weights)) if initial_weights else None,
        "optimizer": asdict(optimizer),
        "training": settings,
        "augmentation": augmentation.chosen,
        "data": manifest["digest"],
    }
    model = {
        **configuration,
        "split": manifest["settings"]["split"],
        "seed": seed,
        "threads": threads,
        **computing(architecture),
    }
    return [
        Task(
            replicate=replicate,
            architecture=architecture,
            initial_weights=initial_weights,
            prepared=prepared,
            optimizer=optimizer,
            training=training,
            augmentation=augmentation,
            fingerprint=fingerprint(
                {
                    **model,
                    "split": [manifest["replicates"][replicate][part] for part in ("digest", *SCALING)],
                    "replicate": replicate,
                }
            ),
            model_fingerprint=fingerprint(model),
            configuration_fingerprint=fingerprint(configuration),
            model=name,
            snapshots=snapshots,
        )
        for replicate in range(replicates)
    ]


def computing(architecture: str) -> dict[str, Any]:
    """What computes a result: the kind of device, the versions of the frameworks, and the code of this project."""
    return {
        "device": "gpu" if gpus() else processor(),
        "versions": {name: version(name) for name in FRAMEWORKS},
        "code": code_digest([*COMPUTING, *import_closure(own_modules(architecture))]),
    }


def best(tasks: Sequence[Task]) -> Task:
    """The trained task with the lowest validation loss."""
    return min(tasks, key=lambda task: float(read_json(task.result.record)["kept_loss"]))


def own_modules(architecture: str) -> list[str]:
    """The modules of this project that a network's JSON names, those of its layers, sorted.

    >>> own_modules('{"config": {"layers": [{"module": "pipeline.layers.locally_connected"}, {"module": "keras"}]}}')
    ['pipeline.layers.locally_connected']
    """
    found: set[str] = set()

    def walk(part: Any) -> None:
        if isinstance(part, dict):
            module = part.get("module")
            if isinstance(module, str) and module_file(module) is not None:
                found.add(module)
            for value in part.values():
                walk(value)
        elif isinstance(part, list):
            for value in part:
                walk(value)

    walk(json.loads(architecture))
    return sorted(found)
