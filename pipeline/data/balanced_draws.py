"""Random draws of whole groups in which the shares of classes and strata are close to those of all images.

A group holds images that a split must not separate. With few groups of unequal content, a single draw is rarely
balanced. Therefore many draws are compared, and the one whose shares are closest to those of all images is selected.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array, hstack

from pipeline.errors import UserError

# The number of draws that are compared. Validation sets compare fewer: with small data, the best of many draws would be
# the same in every replicate.
TEST_DRAWS = 2048
VALIDATION_DRAWS = 64
FOLD_DRAWS = 4096
REPAIR_MOVES = 512
# With many groups every draw is balanced, and comparing thousands would only cost time and memory.
FEWEST_DRAWS = 8
MOST_VALUES = 1_000_000  # draws × groups in total
BLOCK_VALUES = 250_000  # draws × groups in memory at a time

# Streams of random numbers: the test set and the validation set of one seed are drawn independently.
_TEST_STREAM, _VALIDATION_STREAM, _FOLD_STREAM = 0, 1, 2

Labels = NDArray[np.int64]
Groups = NDArray[np.str_] | NDArray[np.int64]
Chosen = NDArray[np.bool_]


def draw_test(
    labels: Labels, groups: Groups, strata: Groups | None, *, share: float, seed: int | Sequence[int]
) -> Chosen:
    """Draw a test set of whole groups with about `share` of the n images; return n values, true for a test image.

    The same data and seed give the same test set.

    Raises:
        UserError: no draw has every class in the test set and in at least two groups outside it.
    """
    random = _random(_TEST_STREAM, *np.atleast_1d(seed))
    return _draw(labels, groups, strata, images=share * len(labels), left=2, draws=TEST_DRAWS, random=random)


def draw_validation(
    labels: Labels, groups: Groups, strata: Groups | None, *, images: float, seed: Sequence[int]
) -> Chosen:
    """Draw a validation set of whole groups with about `images` images; return n values, true for a validation image.

    Raises:
        UserError: no draw has every class in the validation set and outside it.
    """
    random = _random(_VALIDATION_STREAM, *seed)
    return _draw(labels, groups, strata, images=images, left=1, draws=VALIDATION_DRAWS, random=random)


def deal_folds(
    labels: Labels, groups: Groups, strata: Groups | None, *, folds: int, seed: int | Sequence[int]
) -> NDArray[np.int64]:
    """Assign whole groups to folds with similar shares of classes and strata; return the fold of each image, from 0.

    Raises:
        UserError: no assignment with every class in every fold was found.
    """
    table = _Table.of(labels, groups, strata)
    best, least = np.zeros(len(table.sizes), np.int64), (np.inf, np.inf)
    for keys in _keys(table, FOLD_DRAWS, _random(_FOLD_STREAM, *np.atleast_1d(seed))):
        # Assigning one kind after the other gives every fold the same number of groups of each kind, ±1.
        order = np.argsort(table.kind + keys, axis=1)
        fold = np.empty_like(order)
        np.put_along_axis(fold, order, np.arange(order.shape[1])[np.newaxis] % folds, axis=1)
        missing, deviation = np.zeros(len(fold)), np.zeros(len(fold))
        for value in range(folds):
            counts = (fold == value) @ table.counts
            missing += (counts[:, table.is_class] == 0).sum(axis=1)
            deviation = np.maximum(deviation, table.deviation(counts, table.images / folds))
        first = np.lexsort((deviation, missing))[0]
        if (missing[first], deviation[first]) < least:
            best, least = fold[first], (missing[first], deviation[first])
    if least[0]:
        raise UserError(
            f"Every fold needs every class, but no such division of {len(table.sizes)} groups into {folds} folds was "
            "found: choose fewer folds or another split."
        )
    return best[table.group]


class _Table(NamedTuple):
    """Counts of images: rows are groups; columns are classes, then strata, then pairs of class and stratum.

    The counts are a sparse array, because with a thousand classes and a million groups most of them are 0.
    """

    counts: csr_array  # groups × cells
    is_class: NDArray[np.bool_]  # cells: whether a column counts a class
    sizes: NDArray[np.float64]  # groups: the number of images
    kind: NDArray[np.int64]  # groups: the most frequent pair of class and stratum
    group: NDArray[np.int64]  # n: row of each image

    @classmethod
    def of(cls, labels: Labels, groups: Groups, strata: Groups | None) -> "_Table":
        _, group = np.unique(groups, return_inverse=True)
        present, label = np.unique(labels, return_inverse=True)
        columns = [label]
        pair = label
        if strata is not None and len(np.unique(strata)) > 1:
            _, stratum = np.unique(strata, return_inverse=True)
            _, pair = np.unique(label * (stratum.max() + 1) + stratum, return_inverse=True)
            columns += [stratum, pair]
        together = hstack([coo_array((np.ones(len(group)), (group, column))) for column in columns], format="csr")
        together.sum_duplicates()
        is_class = np.arange(together.shape[1]) < len(present)
        return cls(together, is_class, np.bincount(group).astype(np.float64), _most_frequent(group, pair), group)

    @property
    def images(self) -> float:
        return float(len(self.group))

    @property
    def has_class(self) -> csr_array:
        """Groups × classes: 1 if the group has images of the class, else 0."""
        return (self.counts[:, self.is_class] > 0).astype(np.float64)

    def deviation(self, counts: NDArray[np.float64], images: float) -> NDArray[np.float64]:
        """The deviation of draws (draws × cells) from the shares of all images and from the wanted number of images."""
        size = counts[:, self.is_class].sum(axis=1)
        shares = counts / np.maximum(size, 1)[:, np.newaxis]
        whole = self.counts.sum(axis=0) / self.images
        distance: NDArray[np.float64] = np.hypot(np.linalg.norm(shares - whole, axis=1), (size - images) / self.images)
        # Rounding makes equally good draws equal on every machine, whatever the last bits. The first of them is taken.
        return distance.round(12)


def _most_frequent(group: NDArray[np.int64], pair: NDArray[np.int64]) -> NDArray[np.int64]:
    """The most frequent of the pairs in each group; of equally frequent ones, the one with the smallest number."""
    pairs = int(pair.max()) + 1
    key, count = np.unique(group * pairs + pair, return_counts=True)
    ordered = key[np.lexsort((key, -count, key // pairs))]
    first = np.flatnonzero(np.diff(ordered // pairs, prepend=-1))
    kind: NDArray[np.int64] = ordered[first] % pairs
    return kind


def _draw(
    labels: Labels,
    groups: Groups,
    strata: Groups | None,
    *,
    images: float,
    left: int,
    draws: int,
    random: np.random.Generator,
) -> Chosen:
    """Draw whole groups with about `images` images and every class, so that `left` other groups hold each class."""
    table = _Table.of(labels, groups, strata)
    best, least = np.zeros(len(table.sizes), bool), (np.inf, np.inf)
    for keys in _keys(table, draws, random):
        order = np.argsort(keys, axis=1)
        filled = table.sizes[order].cumsum(axis=1)
        # Take the first groups of the order, as many as come closest to the wanted number of images.
        taken = (np.abs(filled - images).argmin(axis=1) + 1).clip(max=max(order.shape[1] - left, 1))
        chosen = np.empty(order.shape, bool)
        np.put_along_axis(chosen, order, np.arange(order.shape[1]) < taken[:, np.newaxis], axis=1)
        best, least = _better(table, chosen, images, left, best, least)
    if least[0]:
        best, least = _repaired(table, images, left, best, least, random)
    if least[0]:
        raise UserError(
            f"Train, validation and test need every class, but no such draw of {len(table.sizes)} groups was found: "
            "add groups of the rarest classes, or merge classes."
        )
    return best[table.group]


def _repaired(
    table: _Table, images: float, left: int, best: Chosen, least: tuple[float, float], random: np.random.Generator
) -> tuple[Chosen, tuple[float, float]]:
    """Move one or two groups at a time while that reduces the number of missing classes.

    If most classes occur in few groups, hardly any random draw has all of them.
    """
    groups = len(table.sizes)
    has_class = table.has_class
    while least[0]:
        before = least
        troubled = (best @ has_class == 0) | (~best @ has_class < left)
        moved = random.permutation(np.flatnonzero(has_class[:, np.flatnonzero(troubled)].sum(axis=1)))
        moved = moved[: max(MOST_VALUES // groups, 1)][:REPAIR_MOVES]
        single = np.tile(best, (len(moved), 1))
        single[np.arange(len(moved)), moved] ^= True
        double = single.copy()
        double[np.arange(len(moved)), random.integers(groups, size=len(moved))] ^= True
        best, least = _better(table, np.concatenate([single, double]), images, left, best, least)
        if least == before:
            break
    return best, least


def _better(
    table: _Table, chosen: Chosen, images: float, left: int, best: Chosen, least: tuple[float, float]
) -> tuple[Chosen, tuple[float, float]]:
    """The best of these draws and the best so far, with its loss: the number of missing classes, then the deviation."""
    counts = chosen @ table.counts
    groups_left = ~chosen @ table.has_class
    missing = (counts[:, table.is_class] == 0).sum(axis=1) + np.maximum(left - groups_left, 0).sum(axis=1)
    deviation = table.deviation(counts, images)
    first = np.lexsort((deviation, missing))[0]
    loss = (float(missing[first]), float(deviation[first]))
    return (chosen[first], loss) if loss < least else (best, least)


def _keys(table: _Table, draws: int, random: np.random.Generator) -> Iterator[NDArray[np.float64]]:
    """Random keys in 0..1, draws × groups, in blocks that fit in memory. A draw sorts groups by its keys.

    The groups of each kind are spread evenly over 0..1: the first quarter of the order holds a quarter of every kind.
    Their order within a kind is random.
    """
    groups = len(table.kind)
    sizes = np.bincount(table.kind)
    starts = sizes.cumsum() - sizes
    draws = min(draws, max(MOST_VALUES // groups, FEWEST_DRAWS))
    block = max(BLOCK_VALUES // groups, 1)
    while draws > 0:
        shape = (min(block, draws), groups)
        order = np.argsort(table.kind + random.random(shape), axis=1)
        place = np.empty_like(order)
        np.put_along_axis(place, order, np.arange(groups)[np.newaxis], axis=1)
        keys: NDArray[np.float64] = (place - starts[table.kind] + random.random(shape)) / sizes[table.kind]
        yield keys
        draws -= block


def _random(*seed: int) -> np.random.Generator:
    return np.random.default_rng([int(part) for part in seed])
