"""What is kept of new pictures: a few numbers for each, so that their number may be large."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.data.pixel_file import image_digests
from pipeline.deployment.picture_features import MEASURES, PictureFeatures, picture_features
from pipeline.deployment.reference import Reference, digest_prefixes
from pipeline.deployment.unusual import flags, limits

SHOWN = 12
"""Unusual pictures whose pixels are kept."""


class Batch(NamedTuple):
    """Some pictures with their predictions.

    names: of n readable pictures.
    pixels: of the size of the network, uint8, (n, height, width, channels).
    labels: the predicted classes, int64, (n,).
    confidence: the calibrated probability of the predicted class, (n,).
    unreadable: the names of other pictures, with the reasons.
    """

    names: Sequence[str]
    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    confidence: NDArray[np.float32] | NDArray[np.float64]
    unreadable: Sequence[tuple[str, str]] = ()


class Shown(NamedTuple):
    """An unusual picture: its name, what is unusual, and its pixels, uint8 (height, width, channels)."""

    name: str
    flags: tuple[str, ...]
    pixels: NDArray[np.uint8]


class NewPictures(NamedTuple):
    """What is known of n readable pictures.

    features: of each picture.
    labels, confidence: as in `Batch`.
    unusual: whether a picture looks unlike the training images, bool, (n,).
    copies: the names of the pictures that have the pixels of a training image.
    flags: how many pictures have each flag, the most frequent first.
    shown: some of the unusual pictures.
    unreadable: the names of other pictures, with the reasons.
    """

    features: PictureFeatures
    labels: NDArray[np.int64]
    confidence: NDArray[np.float64]
    unusual: NDArray[np.bool_]
    copies: tuple[str, ...]
    flags: tuple[tuple[str, int], ...]
    shown: tuple[Shown, ...]
    unreadable: tuple[tuple[str, str], ...]

    @property
    def size(self) -> int:
        """The number of readable pictures."""
        return len(self.labels)


def new_pictures(batches: Iterable[Batch], reference: Reference) -> NewPictures:
    """Measure pictures batch by batch; of their pixels, only those of a few unusual ones are kept."""
    usual = limits(reference.training)
    features, labels, confidence, unusual = [_NO_FEATURES], [_NO_LABELS], [_NONE], [_NO_FLAGS]
    counts: Counter[str] = Counter()
    shown: list[Shown] = []
    copies: list[str] = []
    unreadable: list[tuple[str, str]] = []
    for batch in batches:
        unreadable += batch.unreadable
        if not len(batch.names):
            continue
        features.append(picture_features(batch.pixels))
        own = flags(features[-1], usual)
        for row, found in enumerate(own):
            counts.update(found)
            if found and len(shown) < SHOWN:
                shown.append(Shown(batch.names[row], found, batch.pixels[row].copy()))
        labels.append(batch.labels)
        confidence.append(np.asarray(batch.confidence, np.float64))
        unusual.append(np.array([bool(found) for found in own]))
        copied = np.isin(digest_prefixes(image_digests(batch.pixels)), reference.copies)
        copies += [batch.names[row] for row in np.flatnonzero(copied).tolist()]
    return NewPictures(
        PictureFeatures(*(np.concatenate(parts) for parts in zip(*features, strict=True))),
        np.concatenate(labels),
        np.concatenate(confidence),
        np.concatenate(unusual),
        tuple(copies),
        tuple(counts.most_common()),
        tuple(shown),
        tuple(unreadable),
    )


_NO_FEATURES = PictureFeatures(np.empty((0, 64), np.uint8), np.empty((0, len(MEASURES)), np.float32))
_NO_LABELS, _NONE, _NO_FLAGS = np.empty(0, np.int64), np.empty(0), np.empty(0, np.bool_)
