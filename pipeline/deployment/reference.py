"""What new pictures are compared with: features and predictions of the images that a model was trained and tested on.

The file `reference.npz` of a packaged model holds all of it, so that the comparison needs neither the project nor its
images.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.data.prepared import Prepared
from pipeline.data.two_sample_classifier import FOLDS, separation
from pipeline.deployment.picture_features import PictureFeatures, picture_features
from pipeline.errors import UserError
from pipeline.storage.files import replacing
from pipeline.storage.stored_arrays import read_arrays

Rows = NDArray[np.int64]
Answered = tuple[Rows, NDArray[np.floating[Any]]]
"""Numbers of images, and their probabilities."""

REFERENCE = "reference.npz"
MOST = 2000
"""Images of which features are kept, at most, for training and for test."""
TOGETHER = 256
"""Images that are read at a time; they may be large."""


class Predicted(NamedTuple):
    """Predictions for n images that the model was not trained on.

    labels: the predicted classes, int64, (n,).
    confidence: the calibrated probability of the predicted class, float32, (n,).
    correct: whether it is the true class, bool, (n,).
    """

    labels: NDArray[np.int64]
    confidence: NDArray[np.float32]
    correct: NDArray[np.bool_]


class Reference(NamedTuple):
    """What new pictures are compared with.

    training: features of up to `MOST` training images.
    training_labels: their true classes, int64.
    held_out: features of up to `MOST` test images; of validation images if there are no test images.
    separation: how well a classifier separates `training` from `held_out`, as area under the ROC curve.
    validation, test: predictions; those for test images are empty if there are none.
    class_counts: training images of each class, int64, (classes,).
    copies: the first 8 bytes of the digest of each training image, uint64, sorted.
    """

    training: PictureFeatures
    training_labels: NDArray[np.int64]
    held_out: PictureFeatures
    separation: float
    validation: Predicted
    test: Predicted
    class_counts: NDArray[np.int64]
    copies: NDArray[np.uint64]

    @property
    def scored(self) -> Predicted:
        """The predictions behind the reported score: those for test images, or for validation images without any."""
        return self.test if len(self.test.labels) else self.validation


NESTED: dict[str, Any] = {
    "training": PictureFeatures,
    "held_out": PictureFeatures,
    "validation": Predicted,
    "test": Predicted,
}


def make_reference(prepared: Prepared, training: Rows, validation: Answered, test: Answered) -> Reference:
    """Compute the reference of a model.

    Args:
        prepared: the images.
        training: numbers of the images that the model, or any member of an ensemble, was trained on.
        validation: numbers of images that no member was trained on, and their calibrated probabilities (n, classes).
        test: the same for the images of the reported score; both empty if there are none.
    """
    chosen = _chosen(training)
    features = _features(prepared, chosen)
    held_out = _features(prepared, _chosen(test[0] if len(test[0]) else validation[0]))
    return Reference(
        features,
        prepared.labels[chosen],
        held_out,
        picture_separation(features, held_out),
        _predicted(prepared, *validation),
        _predicted(prepared, *test),
        np.bincount(prepared.labels[training], minlength=len(prepared.manifest["classes"])),
        np.sort(digest_prefixes(prepared.digests[training])),
    )


def picture_separation(one: PictureFeatures, other: PictureFeatures) -> float:
    """The area under the ROC curve of a classifier that separates two samples of pictures; 0.5 for tiny samples.

    Pictures with equal features stay in one fold: the classifier would recognise a repeated picture.
    """
    features = np.concatenate([one.joined(), other.joined()])
    second = np.repeat([False, True], [len(one.measures), len(other.measures)])
    _, groups = np.unique(features, axis=0, return_inverse=True)
    distinct = [len(np.unique(groups[second == sample])) for sample in (False, True)]
    if min(distinct) < FOLDS:
        return 0.5
    return separation(features, second, groups if sum(distinct) < len(features) else None)


def digest_prefixes(digests: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """The first 8 bytes of each of n digests (n, 32) as a number: enough to recognise copies."""
    prefixes: NDArray[np.uint64] = np.ascontiguousarray(digests[:, :8]).view("<u8")[:, 0].astype(np.uint64)
    return prefixes


def write_reference(file: Path, reference: Reference) -> None:
    """Write the reference atomically; equal references give equal bytes."""
    arrays: dict[str, Any] = {}
    for name, value in reference._asdict().items():
        if name in NESTED:
            arrays |= {f"{name}-{part}": values for part, values in value._asdict().items()}
        else:
            arrays[name] = value
    with replacing(file) as unfinished, unfinished.open("wb") as stream:
        np.savez_compressed(stream, **arrays)


def read_reference(file: Path) -> Reference:
    """Read a reference.

    Raises:
        UserError: the file is missing or damaged.
    """
    if not file.is_file():
        raise UserError(
            f"{file} is missing, so new pictures cannot be compared with the training images. "
            "Make the folder again with `dvc repro --force package`."
        )
    try:
        arrays = read_arrays(file)
        nested = {name: kind(*(arrays[f"{name}-{part}"] for part in kind._fields)) for name, kind in NESTED.items()}
        plain = {name: arrays[name] for name in Reference._fields if name not in NESTED}
        return Reference(**nested | plain | {"separation": float(plain["separation"])})
    except (UserError, ValueError, KeyError, TypeError):
        raise UserError(
            f"{file} is damaged or comes from another version. Make the folder again with `dvc repro --force package`."
        ) from None


def _chosen(rows: Rows) -> Rows:
    """At most `MOST` of the rows, ascending, drawn with a fixed seed."""
    return np.sort(np.random.default_rng(0).permutation(rows)[:MOST])


def _features(prepared: Prepared, rows: Rows) -> PictureFeatures:
    # At least once, so that no rows give empty features.
    starts = range(0, max(len(rows), 1), TOGETHER)
    parts = [picture_features(prepared.pixels[rows[start : start + TOGETHER]]) for start in starts]
    return PictureFeatures(*(np.concatenate(values) for values in zip(*parts, strict=True)))


def _predicted(prepared: Prepared, rows: Rows, probabilities: NDArray[np.floating[Any]]) -> Predicted:
    labels = probabilities.argmax(axis=1).astype(np.int64)
    return Predicted(labels, probabilities.max(axis=1).astype(np.float32), labels == prepared.labels[rows])
