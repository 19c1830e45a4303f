"""What all tools in `benchmarks.sweeps` share: images, search space, network and number of epochs.

The other tools do not use this project. Their images are standardised arrays in a file, and their network has the
structure of `lecture_cnn` in Keras' own layers.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Choice(NamedTuple):
    """One of several values."""

    values: tuple[Any, ...]


class Steps(NamedTuple):
    """An integer from `low` to `high`, both included."""

    low: int
    high: int
    step: int


class Interval(NamedTuple):
    """A real number; `log`: its logarithm is uniform."""

    low: float
    high: float
    log: bool = False


SPACE: Mapping[str, Choice | Steps | Interval] = {
    "filters": Choice(("8,16", "16,32", "8,16,32")),
    "units": Steps(25, 150, 25),
    "dropout": Interval(0.0, 0.5),
    "learning_rate": Interval(0.0003, 0.1, log=True),
    "batch_size": Choice((16, 32, 64)),
}


@dataclass(frozen=True)
class Problem:
    """A sweep of `trials` trials of up to `epochs` epochs on the arrays in a file; `records` is the file of results.

    If `configurations` are given, they are the trials, in this order, and no trial is pruned.
    """

    arrays: str
    records: str
    epochs: int
    trials: int
    seed: int
    configurations: Sequence[Mapping[str, Any]] = field(default=())

    @classmethod
    def read(cls, file: str) -> "Problem":
        """The problem in a file."""
        return cls(**json.loads(Path(file).read_text(encoding="utf-8")))

    def write(self, file: Path) -> None:
        """Write the problem to a file for another tool."""
        file.write_text(json.dumps(asdict(self)), encoding="utf-8")


class TrialRecord(NamedTuple):
    """A finished trial: start and end in seconds since 1970, and its lowest validation loss if complete.

    `seconds` is the total time of its `epochs`, each from its first batch to the end of its validation.
    """

    began: float
    ended: float
    loss: float | None
    epochs: int
    seconds: float
    memory: int | None = None
    """Peak memory of its process in MiB, if known."""


def write_record(problem: Problem, record: TrialRecord) -> None:
    """Append a trial to the file of results."""
    with Path(problem.records).open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(record) + "\n")


def read_records(problem: Problem) -> list[TrialRecord]:
    """The finished trials of the sweep."""
    return [TrialRecord(*json.loads(line)) for line in Path(problem.records).read_text(encoding="utf-8").splitlines()]


def arrays(problem: Problem) -> tuple[NDArray[Any], ...]:
    """Training images (n, height, width, channels) and labels (n,), then validation images and labels."""
    with np.load(problem.arrays) as file:
        return tuple(file[name] for name in ("train", "train_labels", "validation", "validation_labels"))


def network(
    shape: Sequence[int], classes: int, *, filters: str, units: int, dropout: float, learning_rate: float
) -> Any:
    """The lecture's network, compiled with stochastic gradient descent and momentum."""
    import keras
    from keras import layers

    model = keras.Sequential([keras.Input(shape)])
    for maps in filters.split(","):
        model.add(layers.Conv2D(int(maps), 3, padding="same", activation="relu"))
        model.add(layers.MaxPooling2D())
    model.add(layers.Flatten())
    model.add(layers.Dense(units, activation="relu"))
    model.add(layers.Dropout(dropout))
    two = classes == 2
    model.add(layers.Dense(1, activation="sigmoid") if two else layers.Dense(classes, activation="softmax"))
    model.compile(
        keras.optimizers.SGD(learning_rate, momentum=0.9),
        "binary_crossentropy" if two else "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def stopwatch() -> Any:
    """A Keras callback whose `spent` lists the seconds of each epoch."""
    import keras

    class Stopwatch(keras.callbacks.Callback):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.spent: list[float] = []

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.began = time.perf_counter()

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.spent.append(time.perf_counter() - self.began)

    return Stopwatch()
