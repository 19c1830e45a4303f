"""Copies of an image: identical pixels, and near copies that were resized, recompressed or slightly changed.

Near copies are found in three steps. Images whose perceptual hashes differ in few bits are candidates. Then their
thumbnails are compared, and last their pixels, because images of one kind, such as digits, often have similar hashes.
Both comparisons ignore what all images of the data have in common. The limit for pixels follows from how similar
different images of the data are. Each step takes time in proportion to the number of images.
"""

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.linalg import eigh
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pipeline.data.appearance import Appearance, averages
from pipeline.data.measured import Measured
from pipeline.data.pixel_file import IndexedPixels

Hashes = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.int64]
Pairs = npt.NDArray[np.int64]
Vectors = npt.NDArray[np.float32]

BITS = 6
"""Hashes that differ in fewer bits than this share at least one of as many bands of bits."""
NEIGHBOURS = 32
"""Among images that share a band, each is compared with at most as many, the next ones in the order of the hashes."""
SIMILAR_THUMBNAILS = 0.5
"""Correlation of thumbnails below which the pixels of a candidate are not read."""
SIDE = 32
"""Pixels are compared in images that are reduced to at most this side."""
SAMPLE = 1000
"""Images from which the common structure and the limit are learned."""
COMPONENTS = 16
"""Principal components that are ignored, at most; they hold what all images have in common."""
NEIGHBOUR = 5
"""Neighbour of an image that is taken to be a different image, unless more neighbours are much closer than others."""
LARGEST_SET = 16
"""Neighbours among which such a set is looked for."""
CLOSER = 3
"""Near copies have a squared distance that is at least this many times less than that of different images."""
LEAST_SIMILARITY = 0.95
"""Correlation of the pixels of near copies, at least, in data whose images have little in common."""
BLANK = 2.0
"""Images with a smaller standard deviation of grey levels are not compared."""
FEWEST_VALUES = 64
"""Smaller images are not compared: different ones are often nearly equal."""
BLOCK = 1024
BYTES = 2**24
"""At most this many bytes of pixels are read at a time, or one image."""


class Copies(NamedTuple):
    """Pairs of rows, each of shape (pairs, 2). Of k identical images, only k - 1 pairs are listed.

    exact: images with identical pixels.
    near: images that are similar, but not identical.
    """

    exact: Pairs
    near: Pairs


def find_copies(measured: Measured, pixels: IndexedPixels) -> Copies:
    """Find all copies among n images."""
    _, first, number = np.unique(
        np.ascontiguousarray(measured.digests).view("V32")[:, 0], return_index=True, return_inverse=True
    )
    others = np.setdiff1d(np.arange(len(number)), first)
    exact = np.stack([first[number[others]], others], axis=1)
    if np.prod(pixels.shape[1:]) < FEWEST_VALUES:
        return Copies(exact, np.empty((0, 2), np.int64))
    shown = np.sort(first[measured.appearance.deviation[first] >= BLANK])
    return Copies(exact, near_copies(measured.appearance, pixels, shown))


def near_copies(appearance: Appearance, pixels: IndexedPixels, rows: Rows) -> Pairs:
    """Pairs of near copies among these rows, the lower row first, sorted."""
    if len(rows) < 2:
        return np.empty((0, 2), np.int64)
    thumbnails = appearance.thumbnails[rows].astype(np.float32)
    own = _Likeness.learned(thumbnails[_sample(len(rows))]).apart(_standardised(thumbnails))
    found = [np.empty((0, 2), np.int64)]
    for pairs in _candidates(appearance.hashes[rows]):
        for some in _blocks(pairs):
            similarity = np.einsum("ij,ij->i", own[some[:, 0]], own[some[:, 1]])
            found.append(some[similarity >= SIMILAR_THUMBNAILS])
    pairs = np.sort(rows[np.unique(np.concatenate(found), axis=0)], axis=1)
    fine = _Likeness.learned(_compared(pixels, rows[_sample(len(rows))]))
    close = [fine.close(*(_compared(pixels, one) for one in some.T)) for some in _blocks(pairs)]
    return pairs[np.concatenate(close)] if close else pairs


def sets_of(count: int, pairs: Pairs) -> list[Rows]:
    """The sets of at least two of `count` rows that pairs connect, each sorted, by their lowest row."""
    number = joined(count, pairs, np.arange(count))
    rows = np.flatnonzero(np.bincount(number)[number] > 1)
    rows = rows[np.argsort(number[rows], kind="stable")]
    sets = np.split(rows, np.flatnonzero(np.diff(number[rows])) + 1) if len(rows) else []
    return sorted(sets, key=lambda one: int(one[0]))


def joined(count: int, pairs: Pairs, groups: Rows) -> Rows:
    """The component of each of `count` images if pairs, and images of one group, are connected; numbered from 0."""
    rows = np.concatenate([pairs[:, 0], np.arange(count)])
    columns = np.concatenate([pairs[:, 1], count + groups])
    size = count + int(groups.max()) + 1
    graph = coo_array((np.ones(len(rows), bool), (rows, columns)), shape=(size, size))
    components: Rows = connected_components(graph, directed=False)[1][:count].astype(np.int64)
    return components


def _candidates(hashes: Hashes) -> Iterator[Pairs]:
    """Pairs of places of hashes that differ in fewer than `BITS` bits, the lower place first; some more than once."""
    edges = np.linspace(0, 64, BITS + 1).round().astype(int)
    for low, high in pairwise(edges.tolist()):
        key = (hashes >> np.uint64(low)) & np.uint64((1 << (high - low)) - 1)
        order = np.lexsort((hashes, key))
        ordered, ordered_keys = hashes[order], key[order]
        for distance in range(1, min(len(order), NEIGHBOURS + 1)):
            same = ordered_keys[distance:] == ordered_keys[:-distance]
            if not same.any():
                break
            close = same & (np.bitwise_count(ordered[distance:] ^ ordered[:-distance]) < BITS)
            if close.any():
                yield np.sort(np.stack([order[:-distance][close], order[distance:][close]], axis=1), axis=1)


class _Likeness(NamedTuple):
    """How similar two images are apart from what all images of the data have in common.

    components: (k, values) orthonormal rows; they span what is ignored.
    limit: the least similarity of near copies.
    """

    components: Vectors
    limit: float

    @classmethod
    def learned(cls, values: Vectors) -> "_Likeness":
        """Learn from some images, one per row."""
        vectors = _standardised(values)
        count = min(COMPONENTS, vectors.shape[1] // 4, len(vectors) // 20)
        # The eigenvectors of the small matrix give the principal components at a fraction of the cost.
        values, sides = eigh(vectors @ vectors.T, subset_by_index=(len(vectors) - max(count, 1), len(vectors) - 1))
        components = (sides / np.sqrt(values.clip(min=1e-6))).T @ vectors
        likeness = cls(components[:count].astype(np.float32), 1.0)
        own = likeness.apart(vectors)
        similarity = own @ own.T
        np.fill_diagonal(similarity, -1)
        different = _of_different_images(similarity) if len(own) > NEIGHBOUR else 0.0
        return cls(likeness.components, max(LEAST_SIMILARITY, 1 - (1 - different) / CLOSER))

    def apart(self, vectors: Vectors) -> Vectors:
        """Standardised images without the components."""
        common: Vectors = np.matmul(vectors @ self.components.T, self.components, dtype=np.float32)
        return _standardised(vectors - common)

    def close(self, one: Vectors, other: Vectors) -> npt.NDArray[np.bool_]:
        """Whether the image in a row of `one` is a near copy of that in the same row of `other`."""
        similarity = (self.apart(_standardised(one)) * self.apart(_standardised(other))).sum(axis=1)
        close: npt.NDArray[np.bool_] = similarity >= self.limit
        return close


def _of_different_images(similarity: Vectors) -> float:
    """The greatest similarity of different images, from that of n images with each other.

    Near copies are skipped: the neighbours of an image before the last one that is `CLOSER` times as far as the one
    before it, but at least `NEIGHBOUR` - 1.
    """
    count = min(LARGEST_SET + 1, len(similarity) - 1)
    nearest = np.sort(np.partition(1 - similarity, count - 1, axis=1)[:, :count], axis=1).clip(min=1e-6)
    further = nearest[:, 1:] >= CLOSER * nearest[:, :-1]
    place = np.where(further, np.arange(1, count), NEIGHBOUR - 1).max(axis=1)
    return 1 - float(np.take_along_axis(nearest, place[:, None], axis=1).min())


def _sample(count: int) -> Rows:
    """Some of `count` places, ascending, drawn with a fixed seed."""
    return np.sort(np.random.default_rng(0).permutation(count)[:SAMPLE])


def _blocks(pairs: Pairs) -> Iterator[Pairs]:
    for start in range(0, len(pairs), BLOCK):
        yield pairs[start : start + BLOCK]


def _compared(pixels: IndexedPixels, rows: Rows) -> Vectors:
    """Some images as rows of the values that are compared. Few are read at a time, because they may be large."""
    together = max(1, BYTES // math.prod(pixels.shape[1:]))
    return np.concatenate([_reduced(pixels[rows[start : start + together]]) for start in range(0, len(rows), together)])


def _reduced(pixels: npt.NDArray[np.uint8]) -> Vectors:
    """Images as rows of values, reduced by area averaging if they are large."""
    values = np.moveaxis(pixels, 3, 1).astype(np.float32)
    height, width = values.shape[2:]
    if height > SIDE:
        values = averages(height, SIDE) @ values
    if width > SIDE:
        values = values @ averages(width, SIDE).T
    return values.reshape(len(pixels), -1)


def _standardised(vectors: Vectors) -> Vectors:
    """Rows with mean 0 and length 1; a constant row becomes 0."""
    centred = vectors - vectors.mean(axis=1, keepdims=True)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    standardised: Vectors = centred / np.where(length > 1e-6, length, 1)
    return standardised
