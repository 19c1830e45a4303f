"""The trained network of the lecture: trained by `convtrack lecture --train`, and stored beside the site.

It is `lecture_cnn` for MNIST digits of 28×28 pixels. The weights are stored in half precision, so that the file stays
small; the stored network, not the one before rounding, is the network of all pages.
"""

from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile
from zlib import error as ZlibError

import numpy as np
from numpy.typing import NDArray

from pipeline.architectures.lecture_cnn import build
from pipeline.data.prepared import read_prepared
from pipeline.data.sources import mnist_sample
from pipeline.data.splits import TEST
from pipeline.errors import UserError
from pipeline.storage.files import replacing
from pipeline.studies.trainings import Candidate, train_candidates
from pipeline.training.examples import Standardisation, standardisation

OVERRIDES = (
    "model=lecture_cnn",
    "data=mnist_sample",
    "split=random",
    "optimizer=sgd",
    "training=lecture",
    "augmentation=none",
)


class LectureNetwork(NamedTuple):
    """The trained network and the images that it was not trained on.

    Attributes:
        network: standardised images to probabilities of the ten digits.
        pixels: test images, uint8 of shape (n, 28, 28, 1).
        labels: their digits, shape (n,).
        standardise: grey levels to what the network takes.
    """

    network: Any
    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    standardise: Standardisation

    def example(self, digit: int, number: int = 0) -> NDArray[np.uint8]:
        """One test image of a digit, shape (28, 28, 1); `number` counts the images of this digit from 0."""
        found: NDArray[np.uint8] = self.pixels[np.flatnonzero(self.labels == digit)[number]]
        return found


def train(file: Path) -> None:
    """Train the network with the settings `OVERRIDES`, and write its weights and its test images' positions."""
    trained = train_candidates([Candidate("lecture_cnn", OVERRIDES)], replicates=1)["lecture_cnn"]
    prepared = read_prepared(trained.prepared)
    scaling = standardisation(prepared, 0)
    arrays = {f"weight_{place:02d}": one for place, one in enumerate(trained.network(0).get_weights())}
    with replacing(file) as unfinished, unfinished.open("wb") as stream:
        np.savez_compressed(
            stream,
            **{name: one.astype(np.float16) for name, one in arrays.items()},
            test=prepared.indices(0, TEST).astype(np.int32),
            standardisation=np.stack([scaling.mean, scaling.deviation]),
        )


def read(file: Path) -> LectureNetwork:
    """Read the network and its test images.

    Raises:
        UserError: the file is missing or damaged.
    """
    images = mnist_sample.load()
    height, width, channels = images.pixels.shape[1:]
    network = build((height, width, channels), len(images.classes))
    try:
        with file.open("rb") as stream, np.load(stream) as stored:
            weights = [stored[name].astype(np.float32) for name in sorted(stored.files) if name.startswith("weight_")]
            test, scaling = stored["test"], Standardisation(*stored["standardisation"])
        network.set_weights(weights)
        return LectureNetwork(network, images.pixels[test], images.labels[test], scaling)
    except (OSError, EOFError, ValueError, TypeError, LookupError, BadZipFile, ZlibError):
        raise UserError(
            f"{file} is missing or damaged. Train the network of the pages with `convtrack lecture --train`."
        ) from None
