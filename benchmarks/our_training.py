"""A worker that trains a model of `conf/model/` as a replicate of this project is trained, an epoch per round.

Settings: `model`; `prepared`, a folder of prepared images; `checkpoint`, a folder; `epochs`; `augmentation`, a file of
`conf/augmentation/`; optionally `core`, the processor core to run on, and `repeat_batch`, to train with one batch over
and over instead of the project's own input. Each report is the seconds of an epoch, validation included.
"""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from benchmarks.alternating import report, wait_for_turn
from pipeline.config.schema import AugmentationConfig, ModelConfig, OptimizerConfig, TrainingConfig
from pipeline.data.prepared import read_manifest, read_prepared
from pipeline.networks.describe import make_network
from pipeline.storage.folders import CheckpointFolder
from pipeline.training.runtime import start_tensorflow
from pipeline.training.task import Task, make_tasks


def configured(group: str, name: str) -> dict[str, Any]:
    """The values of a file of `conf/`."""
    values: dict[str, Any] = yaml.safe_load(Path("conf", group, f"{name}.yaml").read_text(encoding="utf-8"))
    return values


def model_config(name: str) -> ModelConfig:
    """The model of this name."""
    return ModelConfig(name=name, **configured("model", name))


def task(model: str, prepared: Path, *, epochs: int, augmentation: str = "none") -> Task:
    """A training of the model with the settings of the lecture, but this number of epochs."""
    network = make_network(model_config(model), read_manifest(prepared))
    training = TrainingConfig(**configured("training", "lecture"))
    (only,) = make_tasks(
        network.architecture,
        prepared,
        1,
        optimizer=OptimizerConfig(**configured("optimizer", "sgd")),
        training=replace(training, epochs=epochs),
        augmentation=AugmentationConfig(**configured("augmentation", augmentation)),
    )
    return only


def repeat_batch() -> None:
    """Let Keras' `fit` repeat the first batch of its input, which is then in memory for all other steps."""
    import keras
    import tensorflow as tf

    original = keras.Model.fit

    def fit(self: Any, batches: Any, **options: Any) -> Any:
        repeated = tf.data.Dataset.from_tensors(next(iter(batches))).repeat(int(batches.cardinality()))
        # The options of the project's own input, such as no tuning, affect the time of a step, too.
        return original(self, repeated.with_options(batches.options()), **options)

    keras.Model.fit = fit


def main() -> None:
    """Train; the first epoch is a warm-up."""
    settings = json.loads(sys.argv[1])
    if "core" in settings and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {settings["core"]})
    start_tensorflow(1)
    from pipeline.training.fit import fit
    from pipeline.training.start import start

    if settings.get("repeat_batch"):
        repeat_batch()
    prepared = Path(settings["prepared"])
    chosen = task(settings["model"], prepared, epochs=settings["epochs"], augmentation=settings["augmentation"])
    at = start(chosen, read_prepared(prepared))

    def on_epoch(history: list[dict[str, float]]) -> None:
        report(history[-1]["seconds"])
        wait_for_turn()

    checkpoint = Path(settings["checkpoint"]) / str(os.getpid())
    checkpoint.mkdir(parents=True)
    fit(
        at.model,
        at.train,
        at.validation,
        length=at.length,
        seed=at.seed,
        augment=at.augment,
        mixing=at.mixing,
        class_weights=at.class_weights,
        checkpoint=CheckpointFolder(checkpoint),
        on_epoch=on_epoch,
    )


if __name__ == "__main__":
    main()
