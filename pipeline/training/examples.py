"""Examples: what a network is shown and what it is asked, in columns named as its inputs and outputs are.

Inputs:
    image: the standardised image, (b, height, width, channels)
    partner: another image of the same portion, likewise; half of the pairs show one class
    subgroup: the image's subgroup, such as a solar module's type, one-hot, (b, subgroups)

Outputs, each (b, 1):
    output: the image's class
    subgroup: the image's subgroup
    same: 1 if image and partner show one class, else 0
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.data.prepared import Prepared

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Positions = npt.NDArray[np.int64]

INPUTS = ("image", "partner", "subgroup")
OUTPUTS = ("output", "subgroup", "same")


@dataclass(frozen=True)
class Columns:
    """The names of a network's inputs and outputs, in its order; the first output is what it is compared by."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    @classmethod
    def of(cls, architecture: str) -> "Columns":
        """The columns of a network given as its JSON text.

        Raises ValueError for an input or output that no column is named after.
        """
        written = json.loads(architecture)
        config = written["config"]
        if written["class_name"] == "Sequential":
            first, *_, last = config["layers"]
            columns = cls((first["config"]["name"],), (last["config"]["name"],))
        else:
            columns = cls(_names(config["input_layers"]), _names(config["output_layers"]))
        for called, names, known in (("inputs", columns.inputs, INPUTS), ("outputs", columns.outputs, OUTPUTS)):
            if not set(names) <= set(known):
                raise ValueError(
                    f"A network's {called} must be among {', '.join(known)}. Received: {', '.join(names)}."
                )
        return columns

    @property
    def paired(self) -> bool:
        """Whether an example is a pair of images."""
        return "partner" in self.inputs

    def answers(self, manifest: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
        """What each output chooses between, by name; `manifest` is that of the prepared data."""
        known = {
            "output": manifest["classes"],
            "subgroup": manifest["subgroups"],
            "same": ("different classes", "same class"),
        }
        return {name: tuple(known[name]) for name in self.outputs}


IMAGE_TO_CLASS = Columns(("image",), ("output",))


@dataclass(frozen=True)
class Standardisation:
    """Mean and deviation of the training pixels, one value per channel, in grey levels from 0 to 255."""

    mean: Floats
    deviation: Floats

    def __call__(self, pixels: Pixels) -> Floats:
        """Pixels (…, channels) with mean 0 and deviation 1 over the training images."""
        return (pixels.astype(np.float32) - self.mean) / self.deviation


@dataclass(frozen=True)
class Portion:
    """Some of the prepared images, and the columns that a network takes of them; `positions` count within them.

    `pixels` (n, height, width, channels), `labels` (n,) and `subgroups` (n,), numbered from 0, are those of all images,
    `indices` says which of them belong to the portion. Pixels stay on disk until they are asked for.
    """

    pixels: Pixels
    labels: npt.NDArray[np.int64]
    indices: npt.NDArray[np.int64]
    standardise: Callable[[Pixels], Floats]
    columns: Columns = IMAGE_TO_CLASS
    subgroups: npt.NDArray[np.int64] | None = None

    def __len__(self) -> int:
        """Number of images."""
        return len(self.indices)

    def partners(self, rng: np.random.Generator) -> Positions:
        """A partner for each image: by the toss of a coin one of its own class, never itself, or one of another.

        Of a class that has no other image, or where there is no other class, the partner is from what there is.
        """
        labels = self.labels[self.indices]
        order = np.argsort(labels, kind="stable")
        own = np.bincount(labels)[labels]
        first = np.searchsorted(labels[order], labels)
        place = np.empty(len(labels), np.int64)
        place[order] = np.arange(len(labels))
        others = len(labels) - own
        same = (rng.random(len(labels)) < 0.5) & (own > 1) | (others == 0)
        # Places within the class but for the image's own, or among all that lie before and behind the class.
        within = first + (place - first + 1 + rng.integers(0, np.maximum(own - 1, 1))) % own
        without = rng.integers(0, np.maximum(others, 1))
        without += np.where(without >= first, own, 0)
        return order[np.where(same, within, without)]

    def inputs(
        self, positions: Positions, partners: Positions | None = None, augment: Callable[[Pixels], Pixels] | None = None
    ) -> tuple[Floats, ...]:
        """What the network is shown of the images at these positions, and of their partners at those."""

        def seen(of: Positions | None) -> Floats:
            pixels = np.asarray(self.pixels[self.indices[of]])
            return self.standardise(augment(pixels) if augment else pixels)

        def subgroup() -> Floats:
            assert self.subgroups is not None
            return np.eye(self.subgroups.max() + 1, dtype=np.float32)[self.subgroups[self.indices[positions]]]

        columns = {"image": lambda: seen(positions), "partner": lambda: seen(partners), "subgroup": subgroup}
        return tuple(columns[name]() for name in self.columns.inputs)

    def targets(self, positions: Positions, partners: Positions | None = None) -> tuple[npt.NDArray[np.int64], ...]:
        """What the network should answer to the same, one column (b,) for each output."""
        chosen = self.indices[positions]

        def subgroup() -> npt.NDArray[np.int64]:
            assert self.subgroups is not None
            return self.subgroups[chosen]

        def same() -> npt.NDArray[np.int64]:
            return np.asarray(self.labels[chosen] == self.labels[self.indices[partners]], np.int64)

        columns = {"output": lambda: self.labels[chosen], "subgroup": subgroup, "same": same}
        return tuple(columns[name]() for name in self.columns.outputs)


def portion(prepared: Prepared, replicate: int, part: int, columns: Columns) -> Portion:
    """A part of a replicate's split: `TRAIN`, `VALIDATION` or `TEST`."""
    subgroups = None
    if prepared.subgroups is not None:
        subgroups = np.searchsorted(prepared.manifest["subgroups"], prepared.subgroups)
    return Portion(
        prepared.pixels,
        prepared.labels,
        prepared.indices(replicate, part),
        standardisation(prepared, replicate),
        columns,
        subgroups,
    )


def standardisation(prepared: Prepared, replicate: int) -> Standardisation:
    """Mean and deviation of the pixels that this replicate trains on."""
    split = prepared.manifest["replicates"][replicate]
    # A picture of one single grey has no deviation to divide by.
    deviation = np.maximum(np.asarray(split["standard_deviation"], np.float32), 1.0)
    return Standardisation(np.asarray(split["mean"], np.float32), deviation)


def _names(listed: Any) -> tuple[str, ...]:
    """The layers in Keras' list of inputs or outputs; of a single one it holds just that."""
    if isinstance(listed, Sequence) and isinstance(listed[0], str):
        return (listed[0],)
    return tuple(layer for layer, *_ in (listed.values() if isinstance(listed, Mapping) else listed))
