"""Copies of an image: identical pixels, and near copies that were resized, recompressed or slightly changed.

Near copies are found by a perceptual hash (Zauner 2010, "Implementation and benchmarking of perceptual image hash
functions", section 3.2.1): the signs of the lowest frequencies of the image. Pairs with similar hashes are then
compared pixel by pixel, because images of one kind, such as digits, often have similar hashes.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy.fft import dctn
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pipeline.data.pixel_file import IndexedPixels

Hashes = npt.NDArray[np.uint64]
Pairs = npt.NDArray[np.int64]

FREQUENCIES = 8
"""Frequencies of each axis in a hash, which has 64 bits."""
BANDS = 4
"""Two hashes that differ in fewer bits than this share at least one of as many bands of 16 bits."""
LARGEST_BUCKET = 2000
"""Among more images with the same band, only neighbours in the order of their hashes are compared."""
SIMILAR = 0.98
"""Correlation of the pixels from which two images with similar hashes are near copies."""
BLOCK = 4096


def perceptual_hashes(pixels: npt.NDArray[np.uint8]) -> Hashes:
    """The hash of each of n images (n, height, width, channels), 64 bits each.

    Bit i is 1 if coefficient i of the discrete cosine transform of the grey image exceeds the median of the 8 × 8
    lowest frequencies.
    """
    grey = pixels.mean(axis=3, dtype=np.float32)
    side = np.zeros((len(grey), FREQUENCIES, FREQUENCIES), np.float32)
    low = dctn(grey, axes=(1, 2))[:, :FREQUENCIES, :FREQUENCIES]
    side[:, : low.shape[1], : low.shape[2]] = low
    flat = side.reshape(len(grey), -1)
    bits = flat > np.median(flat, axis=1, keepdims=True)
    return np.packbits(bits, axis=1).view(">u8")[:, 0].astype(np.uint64)


def near_copies(hashes: Hashes, pixels: IndexedPixels) -> Pairs:
    """Pairs of rows whose images are near copies, shape (pairs, 2), without those of images of a single grey level."""
    found = [np.empty((0, 2), np.int64)]
    for pairs in _candidates(hashes):
        one, other = (_standardised(pixels[rows]) for rows in pairs.T)
        found.append(pairs[(one * other).sum(axis=1) >= SIMILAR])
    return np.unique(np.concatenate(found), axis=0)


def joined(count: int, pairs: Pairs, groups: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The component of each of `count` images if pairs, and images of one group, are connected; numbered from 0."""
    rows = np.concatenate([pairs[:, 0], np.arange(count)])
    columns = np.concatenate([pairs[:, 1], count + groups])
    size = count + int(groups.max()) + 1
    graph = coo_array((np.ones(len(rows), bool), (rows, columns)), shape=(size, size))
    components: npt.NDArray[np.int64] = connected_components(graph, directed=False)[1][:count]
    return components


def _candidates(hashes: Hashes) -> Iterator[Pairs]:
    """Pairs of rows whose hashes differ in fewer than `BANDS` bits, in blocks."""
    for band in range(BANDS):
        key = (hashes >> np.uint64(16 * band)) & np.uint64(0xFFFF)
        order = np.lexsort((hashes, key))
        ordered = key[order]
        starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
        sizes = np.diff(np.concatenate([starts, [len(ordered)]]))
        # The place of each row within its bucket limits how far its partners are away.
        left = np.repeat(starts + sizes, sizes) - np.arange(len(ordered)) - 1
        for distance in range(1, min(int(left.max(initial=0)), LARGEST_BUCKET) + 1):
            one = np.flatnonzero(left >= distance)
            pairs = np.stack([order[one], order[one + distance]], axis=1)
            close = np.bitwise_count(hashes[pairs[:, 0]] ^ hashes[pairs[:, 1]]) < BANDS
            pairs = np.sort(pairs[close], axis=1)
            for start in range(0, len(pairs), BLOCK):
                yield pairs[start : start + BLOCK]


def _standardised(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Images as rows with mean 0 and length 1; an image of a single grey level has length 0."""
    flat = pixels.reshape(len(pixels), -1).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    flat /= np.where(length > 0, length, 1)
    return flat
