"""The verdicts on pictures whose true classes are known, so that the real accuracy can be written beside them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.data.prepared import Prepared
from pipeline.data.splits import TEST
from pipeline.deployment.changed_pictures import Pixels
from pipeline.deployment.drift.new_pictures import Batch, new_pictures
from pipeline.deployment.drift.verdict import Drift, examine
from pipeline.deployment.picture_features import picture_features
from pipeline.deployment.picture_model import PictureModel
from pipeline.deployment.reference import Predicted, Reference
from pipeline.errors import UserError
from pipeline.studies.shifts.known_changes import changed_images

Rows = NDArray[np.int64]


class Judged(NamedTuple):
    """A verdict on pictures, their real accuracy, and the share of unusual pictures among them."""

    name: str
    images: int
    accuracy: float
    drift: Drift
    unusual: float


@dataclass(frozen=True)
class HeldOutImages:
    """The test images of a packaged network with a single replicate.

    Args:
        model: the packaged network.
        reference: its reference.
        pixels: uint8, (n, height, width, channels).
        labels: the true classes, (n,).
    """

    model: PictureModel
    reference: Reference
    pixels: Pixels
    labels: NDArray[np.int64]

    @classmethod
    def of(cls, model: PictureModel, reference: Reference, prepared: Prepared) -> "HeldOutImages":
        """Read the images.

        Raises:
            UserError: the network consists of several replicates, which have no test images in common.
        """
        replicates = model.settings["replicates"]
        if len(replicates) != 1:
            raise UserError(
                "The study needs test images that the champion was not trained on, so the champion must be a single "
                f"replicate. Received {len(replicates)} replicates: choose one with `convtrack champion --help`."
            )
        rows = prepared.indices(replicates[0], TEST)
        return cls(model, reference, np.asarray(prepared.pixels[rows]), prepared.labels[rows])

    @cached_property
    def predicted(self) -> Batch:
        """The predictions for the unchanged images."""
        return self._batch(self.pixels)

    def halves(self, seed: int) -> tuple[Rows, Rows]:
        """Two random halves of the images: those of the reported score, and those that become new pictures."""
        order = np.random.default_rng(seed).permutation(len(self.labels))
        return np.sort(order[: len(order) // 2]), order[len(order) // 2 :]

    def scored_on(self, rows: Rows) -> Reference:
        """The reference as if only these test images had been scored."""
        found = self.predicted
        test = Predicted(
            found.labels[rows], found.confidence[rows].astype(np.float32), found.labels[rows] == self.labels[rows]
        )
        return self.reference._replace(test=test, held_out=picture_features(self.pixels[rows]))

    def known_changes(self) -> Iterator[Judged]:
        """Judge each change of one half of the images."""
        scored, others = self.halves(0)
        reference = self.scored_on(scored)
        for name, pixels, labels in changed_images(self.pixels[others], self.labels[others], self.model.classes):
            yield self._judged(name, self._batch(pixels), labels, reference)

    def samples(self, size: int, *, seeds: int) -> Iterator[Judged]:
        """Judge random samples of unchanged images, each beside the other half of the images."""
        for seed in range(seeds):
            scored, others = self.halves(seed)
            rows = others[:size]
            found = self.predicted
            batch = Batch(list(map(str, rows)), self.pixels[rows], found.labels[rows], found.confidence[rows])
            yield self._judged(f"sample {seed}", batch, self.labels[rows], self.scored_on(scored))

    def _judged(self, name: str, batch: Batch, labels: NDArray[np.int64], reference: Reference) -> Judged:
        new = new_pictures([batch], reference)
        accuracy = float((batch.labels == labels).mean())
        return Judged(
            name, len(labels), accuracy, examine(new, reference, self.model.classes), float(new.unusual.mean())
        )

    def _batch(self, pixels: Pixels) -> Batch:
        probabilities = self.model.probabilities(pixels)
        return Batch(
            [str(row) for row in range(len(pixels))],
            pixels,
            probabilities.argmax(axis=1),
            self.model.confidence(probabilities),
        )
