"""One training to be done, small enough to send to another process, and the fingerprint of its result."""

import json
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from hashlib import sha256
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pipeline.config.schema import AugmentationConfig, OptimizerConfig, TrainingConfig
from pipeline.data.prepared import read_manifest
from pipeline.errors import UserError
from pipeline.storage.fingerprints import fingerprint, source_digest
from pipeline.storage.folders import ResultFolder
from pipeline.training.devices import gpus

COMPUTING = (
    "pipeline.data.augmentation",
    "pipeline.training.batches",
    "pipeline.training.checkpoints",
    "pipeline.training.compiling",
    "pipeline.training.examples",
    "pipeline.training.fit",
    "pipeline.training.initial",
    "pipeline.training.loops",
    "pipeline.training.runtime",
    "pipeline.training.start",
)
"""The modules whose source determines a result; a change in them trains again."""

FRAMEWORKS = ("tensorflow", "keras", "numpy")

SCALING = ("mean", "standard_deviation")
"""What the manifest says of a replicate's training pixels, by which they are standardised."""


@dataclass(frozen=True)
class Task:
    """Train one replicate of one model: `architecture` is the network's JSON, `prepared` the folder of the images.

    `initial_weights` is the file of the weights to start from where they are not drawn at random.
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

    @property
    def result(self) -> ResultFolder:
        """Where the finished training is or will be kept."""
        return ResultFolder.stored(self.fingerprint)


@dataclass(frozen=True)
class Progress:
    """A sign of life: the history so far, a new picture of the first layer's kernels if there is one, and the end."""

    replicate: int
    history: list[dict[str, float]]
    kernels: Path | None = None
    last: bool = False


class Pruned(Exception):
    """Raised by who is told of the progress, to end a training that promises too little."""


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
) -> list[Task]:
    """The trainings of one model, one per replicate.

    The model's fingerprint leaves out what differs between its replicates: split and seed.

    Raises:
        UserError: fewer splits are prepared than replicates wanted.
    """
    manifest = read_manifest(prepared)
    if replicates > len(manifest["replicates"]):
        raise UserError(
            f"`replicates` must be at most the number of splits prepared, {len(manifest['replicates'])}; "
            f"`convtrack prepare replicates={replicates}` makes more. Received {replicates}."
        )
    settings: dict[str, Any] = asdict(training)
    seed = settings.pop("seed")
    model = {
        "architecture": sha256(architecture.encode()).hexdigest(),
        "initial_weights": sha256(initial_weights.read_bytes()).hexdigest() if initial_weights else None,
        "optimizer": asdict(optimizer),
        "training": settings,
        "augmentation": asdict(augmentation),
        "data": manifest["digest"],
        "split": manifest["settings"]["split"],
        "device": "gpu" if gpus() else "cpu",
        "versions": {name: version(name) for name in FRAMEWORKS},
        "source": source_digest([*COMPUTING, *_with_imports(layer_modules(architecture))]),
    }
    model_fingerprint = fingerprint(model)
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
                    "seed": seed,
                    "replicate": replicate,
                }
            ),
            model_fingerprint=model_fingerprint,
        )
        for replicate in range(replicates)
    ]


def layer_modules(architecture: str) -> list[str]:
    """The modules of our own layers in a network's JSON, sorted.

    >>> layer_modules('{"config": {"layers": [{"module": "pipeline.layers.locally_connected"}, {"module": "keras"}]}}')
    ['pipeline.layers.locally_connected']
    """
    found: set[str] = set()

    def walk(part: Any) -> None:
        if isinstance(part, dict):
            module = part.get("module")
            if isinstance(module, str) and module.startswith("pipeline."):
                found.add(module)
            for value in part.values():
                walk(value)
        elif isinstance(part, list):
            for value in part:
                walk(value)

    walk(json.loads(architecture))
    return sorted(found)


def _with_imports(modules: list[str]) -> set[str]:
    """Modules of ours and all modules of ours that they import."""
    found: set[str] = set()
    while modules := [module for module in modules if module not in found]:
        found |= set(modules)
        specs = [find_spec(module) for module in modules]
        texts = [Path(spec.origin).read_text(encoding="utf-8") for spec in specs if spec and spec.origin]
        modules = re.findall(r"^\s*from (pipeline\.[\w.]+) import", "\n".join(texts), re.MULTILINE)
    return found
