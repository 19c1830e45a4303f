"""Examples: the inputs and targets of a network, in columns with the names of its inputs and outputs.

Inputs:
    image: the standardised image, (b, height, width, channels)
    partner: another image of the same portion, in the same form; in half of the pairs both have the same class
    subgroup: the image's subgroup, such as a solar module's type, one-hot, (b, subgroups)
    numbers: numbers that belong to the image, each with mean 0 and deviation 1 over the training images, (b, m)

Outputs, each (b, 1):
    output: the image's class
    subgroup: the image's subgroup
    same: 1 if image and partner have the same class, else 0
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.data.pixel_file import IndexedPixels
from pipeline.data.prepared import Prepared
from pipeline.data.splits import TRAIN
from pipeline.errors import UserError

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Positions = npt.NDArray[np.int64]

INPUTS = ("image", "partner", "subgroup", "numbers")
OUTPUTS = ("output", "subgroup", "same")


@dataclass(frozen=True)
class Columns:
    """The names of a network's inputs and outputs, in its order; models are compared by the first output."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    @classmethod
    def of(cls, architecture: str) -> "Columns":
        """Return the columns of a network from its JSON text.

        Raises:
            ValueError: an input or output has no column of its name.
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
                raise ValueError(f"A network's {called} must be among {', '.join(known)}. Received {', '.join(names)}.")
        return columns

    @property
    def paired(self) -> bool:
        """Whether an example is a pair of images."""
        return "partner" in self.inputs

    def class_names(self, manifest: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
        """Return the class names of each output; `manifest` is that of the prepared data."""
        known = {
            "output": manifest["classes"],
            "subgroup": manifest["subgroups"],
            "same": ("different classes", "same class"),
        }
        return {name: tuple(known[name]) for name in self.outputs}


IMAGE_TO_CLASS = Columns(("image",), ("output",))


@dataclass(frozen=True)
class Standardisation:
    """Mean and standard deviation over the training images: of grey levels from 0 to 255 by channel, or of numbers."""

    mean: Floats
    deviation: Floats

    def __call__(self, pixels: Pixels | Floats) -> Floats:
        """Return pixels (…, channels) or numbers (n, m) with mean 0 and deviation 1 over the training images."""
        values = np.array(pixels, np.float32, order="C")
        # By whole rows of pixels: loops over the few channels of each pixel are ten times as slow.
        width = values.shape[-2] if values.ndim > 2 else 1
        rows = values.reshape(*values.shape[:-2], -1) if values.ndim > 2 else values
        rows -= np.tile(self.mean, width)
        rows /= np.tile(self.deviation, width)
        return values


@dataclass(frozen=True)
class Portion:
    """A part of the prepared images, such as the training images, and the columns of a network.

    `pixels` (n, height, width, channels), `labels` (n,), `subgroups` (n,), standardised `numbers` (n, m) and `weights`
    in training (n,) are those of all images; labels and subgroups are numbered from 0. `indices` selects the images of
    the portion, and positions count within `indices`. Pixels stay on disk until a batch needs them.
    """

    pixels: IndexedPixels
    labels: npt.NDArray[np.int64]
    indices: npt.NDArray[np.int64]
    standardise: Callable[[Pixels], Floats]
    columns: Columns = IMAGE_TO_CLASS
    subgroups: npt.NDArray[np.int64] | None = None
    numbers: Floats | None = None
    weights: Floats | None = None

    def __len__(self) -> int:
        """Number of images."""
        return len(self.indices)

    def partners(self, rng: np.random.Generator) -> Positions:
        """Draw a partner for each image: with probability ½ another image of its class, else one of another class.

        An image that is alone in its class gets a partner of another class. With a single class, all partners are of
        that class.
        """
        labels = self.labels[self.indices]
        order = np.argsort(labels, kind="stable")
        own = np.bincount(labels)[labels]
        first = np.searchsorted(labels[order], labels)
        place = np.empty(len(labels), np.int64)
        place[order] = np.arange(len(labels))
        others = len(labels) - own
        same = (rng.random(len(labels)) < 0.5) & (own > 1) | (others == 0)
        # Places within the class except the image's own, or places before and after the class.
        within = first + (place - first + 1 + rng.integers(0, np.maximum(own - 1, 1))) % own
        without = rng.integers(0, np.maximum(others, 1))
        without += np.where(without >= first, own, 0)
        return order[np.where(same, within, without)]

    def inputs(
        self, positions: Positions, partners: Positions | None = None, augment: Callable[[Pixels], Pixels] | None = None
    ) -> tuple[Floats, ...]:
        """Return the input columns of the images at `positions` and of their `partners`."""

        def seen(of: Positions | None) -> Floats:
            pixels = np.asarray(self.pixels[self.indices[of]])
            return self.standardise(augment(pixels) if augment else pixels)

        def subgroup() -> Floats:
            assert self.subgroups is not None
            return np.eye(self.subgroups.max() + 1, dtype=np.float32)[self.subgroups[self.indices[positions]]]

        def numbers() -> Floats:
            assert self.numbers is not None
            return self.numbers[self.indices[positions]]

        columns = {
            "image": lambda: seen(positions),
            "partner": lambda: seen(partners),
            "subgroup": subgroup,
            "numbers": numbers,
        }
        return tuple(columns[name]() for name in self.columns.inputs)

    def targets(self, positions: Positions, partners: Positions | None = None) -> tuple[npt.NDArray[np.int64], ...]:
        """Return the target columns of the same examples, one (b,) for each output."""
        chosen = self.indices[positions]

        def subgroup() -> npt.NDArray[np.int64]:
            assert self.subgroups is not None
            return self.subgroups[chosen]

        def same() -> npt.NDArray[np.int64]:
            return np.asarray(self.labels[chosen] == self.labels[self.indices[partners]], np.int64)

        columns = {"output": lambda: self.labels[chosen], "subgroup": subgroup, "same": same}
        return tuple(columns[name]() for name in self.columns.outputs)


def portion(prepared: Prepared, replicate: int, part: int, columns: Columns) -> Portion:
    """Return a part of a replicate's split: `TRAIN`, `VALIDATION` or `TEST`."""
    subgroups = None
    if "subgroup" in (*columns.inputs, *columns.outputs):
        assert prepared.subgroups is not None
        subgroups = np.searchsorted(prepared.manifest["subgroups"], prepared.subgroups)
    numbers = None
    if "numbers" in columns.inputs:
        assert prepared.numbers is not None
        numbers = standardised_numbers(prepared, replicate)(prepared.numbers)
    return Portion(
        prepared.pixels,
        prepared.labels,
        prepared.indices(replicate, part),
        standardisation(prepared, replicate),
        columns,
        subgroups,
        numbers,
        # Scores on validation and test images are those of images that all count the same.
        training_weights(prepared, replicate) if part == TRAIN else None,
    )


def standardisation(prepared: Prepared, replicate: int) -> Standardisation:
    """Return mean and standard deviation of the training pixels of a replicate."""
    split = prepared.manifest["replicates"][replicate]
    # Images of a single grey level have deviation 0: do not divide by it.
    deviation = np.maximum(np.asarray(split["standard_deviation"], np.float32), 1.0)
    return Standardisation(np.asarray(split["mean"], np.float32), deviation)


def standardised_numbers(prepared: Prepared, replicate: int) -> Standardisation:
    """Return mean and standard deviation of the numbers (n, m) over the training images of a replicate."""
    assert prepared.numbers is not None
    seen = prepared.numbers[prepared.indices(replicate, TRAIN)].astype(np.float64)
    deviation = seen.std(axis=0)
    # A number that is the same for all training images has deviation 0: do not divide by it.
    scale = np.where(deviation > 0, deviation, 1)
    return Standardisation(seen.mean(axis=0).astype(np.float32), scale.astype(np.float32))


def training_weights(prepared: Prepared, replicate: int) -> Floats | None:
    """Return how much each of n images counts in training, with mean 1 over the training images of a replicate.

    Raises:
        UserError: no training image counts.
    """
    if prepared.weights is None:
        return None
    mean = prepared.weights[prepared.indices(replicate, TRAIN)].mean(dtype=np.float64)
    if mean == 0:
        raise UserError(
            "At least one training image must have a weight above 0. All training images of replicate "
            f"{replicate + 1} have weight 0: change their weights in the table."
        )
    weights: Floats = (prepared.weights / mean).astype(np.float32)
    return weights


def _names(listed: Any) -> tuple[str, ...]:
    """Return the layer names in Keras' list of inputs or outputs, which is not nested for a single one."""
    if isinstance(listed, Sequence) and isinstance(listed[0], str):
        return (listed[0],)
    return tuple(layer for layer, *_ in (listed.values() if isinstance(listed, Mapping) else listed))
