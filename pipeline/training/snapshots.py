"""Snapshots of a network while it trains: what `convtrack watch` shows besides losses and metrics.

A snapshot has a picture of the first layer's kernels, a picture of the feature maps of one validation image, and the
predictions for a few validation images. Taking one computes predictions only, so the weights of the training keep their
bits. Every replicate has a description of its training; the first one also has snapshots.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
from PIL import Image

from pipeline.data.prepared import Prepared, read_manifest
from pipeline.interpretation.feature_maps import block_outputs
from pipeline.interpretation.first_layer import first_layer_kernels
from pipeline.interpretation.kernel_image import kernel_grid
from pipeline.interpretation.map_sheet import map_sheet
from pipeline.storage.files import read_json, replacing, write_json
from pipeline.storage.folders import SnapshotFolder
from pipeline.storage.processes import this_process
from pipeline.training.checkpoints import Epoch
from pipeline.training.examples import Floats, Pixels, Portion, Positions
from pipeline.training.task import Task

SHARE = 0.1
"""Snapshots take at most this share of the seconds of training so far, except those of the first and the last epoch."""
MOST = 50
"""About the largest number of snapshots of a training, so that long trainings do not fill the disk."""
IMAGES = 6
"""Validation images whose predictions are shown."""
CLASSES = 10
"""Classes whose probabilities are shown: those of the images, and the first others."""
SIDE = 96
"""Largest side of the pictures of these images, in pixels."""


@contextmanager
def described(folder: SnapshotFolder, task: Task) -> Iterator[None]:
    """Write what is trained: model, data and settings, and the process that trains it while the block runs."""
    description = {
        "model": task.model,
        "data": read_manifest(task.prepared)["name"],
        "replicate": task.replicate,
        "fingerprint": task.fingerprint,
        "model_fingerprint": task.model_fingerprint,
        "epochs": task.training.epochs,
        "batch_size": task.training.batch_size,
        "optimizer": task.optimizer.name,
        "learning_rate": task.optimizer.learning_rate,
    }
    write_json(folder.training, {**description, "process": this_process()})
    try:
        yield
    finally:
        # The process may go on with other trainings. A folder that is gone has become a result. A full disk has stopped
        # the training already, with an error that must not be replaced.
        with suppress(OSError):
            if folder.training.is_file():
                write_json(folder.training, {**description, "process": ""})


class Snapshots:
    """The snapshots of one training, in a folder that survives an interruption.

    The methods are in the order in which they are called.
    """

    def __init__(
        self,
        folder: SnapshotFolder,
        model: keras.Model,
        validation: Portion,
        prepared: Prepared,
        *,
        resumed: bool = False,
    ) -> None:
        """Choose the images. Earlier snapshots of a training that is `resumed` are kept."""
        began = time.perf_counter()
        self._folder, self._model = folder, model
        # The same network, which takes a list of inputs whether it has one or several.
        self._plain = keras.Model(model.inputs, model.outputs)
        self._examples = shown_examples(validation)
        self._place = validation.columns.inputs.index("image")
        self._blocks = block_outputs(model)
        names = validation.columns.class_names(prepared.manifest)[validation.columns.outputs[0]]
        self._classes = _shown_classes(self._examples.labels, len(names))
        if resumed and folder.predictions.is_file():
            self._content = read_json(folder.predictions)
        else:
            self._content = {
                "classes": [names[label] for label in self._classes],
                "images": [names[label] for label in self._examples.labels],
                "seconds": 0.0,
                "epochs": {},
            }
            for number, pixels in enumerate(self._examples.pixels):
                _save(_small(pixels), folder.image(number))
        self._content["seconds"] += time.perf_counter() - began
        self._last_seconds = 0.0

    def take(self, history: Sequence[Epoch], *, epochs: int, last: bool = False) -> Path | None:
        """Take a snapshot if it is time, and return the picture of the feature maps, if the network has any.

        There always is one before training, after the first and after the last epoch. `epochs` is the largest number of
        epochs of the training.
        """
        epoch = len(history)
        if not (epoch <= 1 or last or self._is_time(history, epochs)):
            return None
        began = time.perf_counter()
        kernels = first_layer_kernels(self._model)
        if kernels is not None:
            _save(kernel_grid(kernels), self._folder.kernels(epoch))
        maps = self._save_maps(epoch)
        self._content["epochs"][str(epoch)] = self._predicted()
        # Written last: an epoch that is listed is complete.
        write_json(self._folder.predictions, self._content)
        self._last_seconds = time.perf_counter() - began
        self._content["seconds"] += self._last_seconds
        return maps

    def _is_time(self, history: Sequence[Epoch], epochs: int) -> bool:
        if len(history) % -(-epochs // MOST):
            return False
        trained = sum(epoch["seconds"] for epoch in history)
        return bool(self._content["seconds"] + self._last_seconds <= SHARE * trained)

    def _save_maps(self, epoch: int) -> Path | None:
        if self._blocks is None:
            return None
        maps = self._blocks.maps(self._examples.inputs[self._place][:1])
        sheet = map_sheet(self._examples.pixels[0], self._blocks.names, [block[0] for block in maps])
        file = self._folder.maps(epoch)
        _save(sheet, file)
        return file

    def _predicted(self) -> list[list[float]]:
        """The probability of each shown class, for each image, with the first output of the network."""
        outputs = self._plain(list(self._examples.inputs), training=False)
        first = np.nan_to_num(np.asarray(outputs[0] if isinstance(outputs, list) else outputs))
        probabilities = first if first.shape[1] > 1 else np.hstack([1 - first, first])
        return [[round(float(row[label]), 4) for label in self._classes] for row in probabilities]


class ShownExamples(NamedTuple):
    """A few validation examples, in which classes alternate."""

    labels: list[int]  # of the network's first output
    inputs: tuple[Floats, ...]  # the columns of the network
    pixels: list[Pixels]  # each (height, width, channels); the partner of a pair is on the right


def shown_examples(validation: Portion, count: int = IMAGES) -> ShownExamples:
    """The first validation example of each class, then the second of each class and so on."""
    positions = np.arange(len(validation))
    partners = validation.partners(np.random.default_rng(0)) if validation.columns.paired else None
    chosen = _alternating(validation.targets(positions, partners)[0], count)
    others = None if partners is None else partners[chosen]
    pixels = np.asarray(validation.pixels[validation.indices[chosen]])
    if others is not None:
        pixels = np.concatenate([pixels, np.asarray(validation.pixels[validation.indices[others]])], axis=2)
    labels = validation.targets(chosen, others)[0].tolist()
    return ShownExamples(labels, validation.inputs(chosen, others), list(pixels))


def _alternating(labels: Positions, count: int) -> Positions:
    """Positions of the first of each class, then of the second of each class and so on.

    >>> _alternating(np.array([5, 5, 5, 0, 7]), 4).tolist()
    [3, 0, 4, 1]
    """
    order = np.argsort(labels, kind="stable")
    ordered = labels[order]
    rank = np.arange(len(labels)) - np.searchsorted(ordered, ordered)
    return order[np.lexsort((ordered, rank))][:count]


def _shown_classes(labels: Sequence[int], classes: int) -> list[int]:
    """The classes whose probabilities are shown, ascending.

    >>> _shown_classes([30, 2], 100)
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 30]
    """
    others = [label for label in range(classes) if label not in labels]
    own = sorted(set(labels))
    return sorted([*own, *others[: max(0, CLASSES - len(own))]])


def _small(pixels: Pixels) -> Pixels:
    """An image (height, width, channels) as a picture: in colour with 3 channels, else its first channel in grey."""
    picture = Image.fromarray(pixels if pixels.shape[2] == 3 else pixels[:, :, 0])
    picture.thumbnail((SIDE, SIDE))
    return np.asarray(picture)


def _save(pixels: Pixels, file: Path) -> None:
    """Save pixels (height, width) or (height, width, 3) as a PNG picture."""
    with replacing(file) as unfinished:
        Image.fromarray(pixels).save(unfinished, "PNG", compress_level=1)
