"""Which image is for training, for validation and for testing, in each replicate.

A split of n images is n values of `TRAIN`, `VALIDATION` and `TEST`. Images of one group stay together, because
neighbouring cells of one module or photos of one patient are alike, and a network tested on images like those it was
trained on is praised for remembering them. Few groups of unequal content rarely fall well by one draw: many draws are
compared, and the one whose shares of classes and strata come nearest to the whole's is taken.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UserError, unknown

TRAIN, VALIDATION, TEST = 0, 1, 2
SPLITS = ("train", "validation", "test")  # names, by value

STRATEGIES = ("group", "kfold", "random", "resampled")
OWN_TESTS = ("kfold", "resampled")  # those which draw a test set for each replicate

# Draws that are compared. Fewer for validation, so that small data do not get the same best draw in every replicate.
TEST_DRAWS = 2048
VALIDATION_DRAWS = 64
FOLD_DRAWS = 4096
REPAIR_MOVES = 512
# With many groups every draw is balanced, and comparing thousands would only cost time and memory.
FEWEST_DRAWS = 8
MOST_VALUES = 1_000_000  # draws × groups in all
BLOCK_VALUES = 250_000  # draws × groups at once

# Streams of random numbers, so that a test set and a validation set of one seed are drawn independently.
_TEST_STREAM, _VALIDATION_STREAM, _FOLD_STREAM = 0, 1, 2

Labels = NDArray[np.int64]
Groups = NDArray[np.str_]
Chosen = NDArray[np.bool_]


class Balance(NamedTuple):
    """How one split of one replicate mirrors the whole."""

    images: int
    shares: tuple[float, ...]  # of each class
    deviation: float  # the largest absolute difference to a class share of the whole


def keeps_test_set(strategy: str) -> bool:
    """Whether all replicates share one test set, which then is given or written to a file."""
    return strategy not in OWN_TESTS


def replicate_splits(
    strategy: str,
    labels: Labels,
    groups: Groups,
    strata: Groups | None,
    *,
    replicates: int,
    test_share: float | None = 0.25,
    validation_share: float = 0.15,
    folds: int | None = 5,
    seed: int,
    test: Chosen | None = None,
    classes: Sequence[str] = (),
) -> NDArray[np.uint8]:
    """Splits, replicates × n; row r depends on the data, the seed and r alone, not on how many replicates there are.

    group: one test set of whole groups; train and validation redrawn by group for each replicate. random: the same
    with images instead of groups, stratified by label. resampled: as group, with the test set redrawn, too. kfold:
    whole groups are dealt into `folds`; replicate r tests on fold r mod folds of repetition r // folds.

    Both shares are of all images; kfold takes no `test_share`, and only kfold takes `folds`. A given `test` set is
    kept. `classes` are the names that messages use.

    Raises `UserError` for settings that make no split, and for a class with too few images or groups to be in train,
    validation and test.
    """
    if strategy not in STRATEGIES:
        raise unknown("split strategy", strategy, STRATEGIES)
    if seed < 0:
        raise UserError(f"Setting `seed` of the split must be at least 0. Received {seed}.")
    if test is not None and strategy in OWN_TESTS:
        raise UserError(
            f"Split {strategy} draws test sets of its own, but a test set is given: use split=group or split=random."
        )
    parts = _checked_folds(folds) if strategy == "kfold" else 0
    share = 1 / parts if parts else float(test.mean()) if test is not None else _checked_share("test_share", test_share)
    if share + _checked_share("validation_share", validation_share) >= 1:
        raise UserError(
            f"Test set and validation set must leave images to train on: their shares are {share:g} and "
            f"{validation_share:g}; lower one of them."
        )
    names = classes or [str(label) for label in range(labels.max() + 1)]
    if strategy == "random":
        groups, strata = np.arange(len(labels)).astype(str), None
    _check_classes(labels, groups, names, folds=parts, test=test)
    if keeps_test_set(strategy) and test is None:
        test = draw_test(labels, groups, strata, share=share, seed=seed)
    splits = np.full((replicates, len(labels)), TRAIN, np.uint8)
    for replicate, split in enumerate(splits):
        if test is not None:
            tested = test
        elif strategy == "kfold":
            repetition, fold = divmod(replicate, parts)
            if fold == 0:
                dealt = deal_folds(labels, groups, strata, folds=parts, seed=(seed, repetition))
            tested = dealt == fold
        else:
            tested = draw_test(labels, groups, strata, share=share, seed=(seed, replicate))
        rest = np.flatnonzero(~tested)
        validated = _draw(
            labels[rest],
            groups[rest],
            None if strata is None else strata[rest],
            images=validation_share * len(labels),
            left=1,
            draws=VALIDATION_DRAWS,
            random=_random(_VALIDATION_STREAM, seed, replicate),
        )
        split[tested] = TEST
        split[rest[validated]] = VALIDATION
    return splits


def draw_test(
    labels: Labels, groups: Groups, strata: Groups | None, *, share: float, seed: int | Sequence[int]
) -> Chosen:
    """A test set of whole groups, n values: about `share` of the images, with classes and strata near the whole's.

    The same for the same data and seed. Raises `UserError` when no draw leaves every class in the test set and in at
    least two groups outside it.
    """
    random = _random(_TEST_STREAM, *np.atleast_1d(seed))
    return _draw(labels, groups, strata, images=share * len(labels), left=2, draws=TEST_DRAWS, random=random)


def deal_folds(
    labels: Labels, groups: Groups, strata: Groups | None, *, folds: int, seed: int | Sequence[int]
) -> NDArray[np.int64]:
    """The fold of each image, 0..folds−1: whole groups, dealt so that each fold mirrors the whole.

    Raises `UserError` when no deal brings every class into every fold.
    """
    table = _Table.of(labels, groups, strata)
    best, least = np.zeros(len(table.counts), np.int64), (np.inf, np.inf)
    for keys in _keys(table, FOLD_DRAWS, _random(_FOLD_STREAM, *np.atleast_1d(seed))):
        # Dealing kind by kind gives every fold the same number of groups of a kind, give or take one.
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
            f"No deal of {len(table.counts)} groups into {folds} folds brings every class into every fold: "
            "choose fewer folds or another split."
        )
    return best[table.group]


def deviations(splits: NDArray[np.uint8], labels: Labels, classes: int) -> list[dict[str, Balance]]:
    """For each replicate the balance of train, validation and test, by the name of the split."""
    whole = np.bincount(labels, minlength=classes) / len(labels)
    balances = []
    for split in splits:
        balance = {}
        for value, name in enumerate(SPLITS):
            chosen = labels[split == value]
            shares = np.bincount(chosen, minlength=classes) / max(len(chosen), 1)
            largest = float(np.abs(shares - whole).max())
            balance[name] = Balance(len(chosen), tuple(shares.tolist()), largest)
        balances.append(balance)
    return balances


class _Table(NamedTuple):
    """Images counted by group: rows are groups; columns are all classes, then strata, then pairs of both."""

    counts: NDArray[np.float64]  # groups × cells
    is_class: NDArray[np.bool_]  # cells: whether a column counts a class
    kind: NDArray[np.int64]  # groups: the pair of class and stratum that most of its images have
    group: NDArray[np.int64]  # n: row of each image

    @classmethod
    def of(cls, labels: Labels, groups: Groups, strata: Groups | None) -> "_Table":
        _, group = np.unique(groups, return_inverse=True)
        present, label = np.unique(labels, return_inverse=True)
        columns = [label]
        pair = label
        if strata is not None and len(set(strata.tolist())) > 1:
            _, stratum = np.unique(strata, return_inverse=True)
            _, pair = np.unique(label * (stratum.max() + 1) + stratum, return_inverse=True)
            columns += [stratum, pair]
        counts = []
        for column in columns:
            cells = np.zeros((group.max() + 1, column.max() + 1))
            np.add.at(cells, (group, column), 1)
            counts.append(cells)
        together = np.concatenate(counts, axis=1)
        return cls(together, np.arange(together.shape[1]) < len(present), counts[-1].argmax(axis=1), group)

    @property
    def images(self) -> float:
        return float(len(self.group))

    def deviation(self, counts: NDArray[np.float64], images: float) -> NDArray[np.float64]:
        """The distance to the whole in the shares of all cells and in the size, for counts of draws × cells."""
        size = counts[:, self.is_class].sum(axis=1)
        shares = counts / np.maximum(size, 1)[:, np.newaxis]
        whole = self.counts.sum(axis=0) / self.images
        distance: NDArray[np.float64] = np.hypot(np.linalg.norm(shares - whole, axis=1), (size - images) / self.images)
        # Equally good draws stay equal, and the first is taken, on machines that round the last bit otherwise, too.
        return distance.round(12)


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
    """Whole groups with about `images` images, every class among them, and in at least `left` groups of the rest."""
    table = _Table.of(labels, groups, strata)
    best, least = np.zeros(len(table.counts), bool), (np.inf, np.inf)
    for keys in _keys(table, draws, random):
        order = np.argsort(keys, axis=1)
        filled = table.counts[:, table.is_class].sum(axis=1)[order].cumsum(axis=1)
        # The first groups of the order, as many as come nearest to the wanted number of images.
        taken = (np.abs(filled - images).argmin(axis=1) + 1).clip(max=max(order.shape[1] - left, 1))
        chosen = np.empty(order.shape, bool)
        np.put_along_axis(chosen, order, np.arange(order.shape[1]) < taken[:, np.newaxis], axis=1)
        best, least = _better(table, chosen, images, left, best, least)
    if least[0]:
        best, least = _repaired(table, images, left, best, least, random)
    if least[0]:
        raise UserError(
            f"No draw of {len(table.counts)} groups brings every class into train, validation and test: add groups "
            "of the rarest classes, or merge classes."
        )
    return best[table.group]


def _repaired(
    table: _Table, images: float, left: int, best: Chosen, least: tuple[float, float], random: np.random.Generator
) -> tuple[Chosen, tuple[float, float]]:
    """A draw with as few classes missing as moving one or two groups at a time can reach.

    Where most classes live in few groups, hardly any random draw holds them all.
    """
    groups = len(table.counts)
    has_class = table.counts[:, table.is_class] > 0
    while least[0]:
        before = least
        troubled = ~has_class[best].any(axis=0) | (has_class[~best].sum(axis=0) < left)
        moved = random.permutation(np.flatnonzero(has_class[:, troubled].any(axis=1)))
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
    """The best of the draws and the best so far, with its loss: how often a class is missing, then the deviation."""
    counts = chosen @ table.counts
    has_class = table.counts[:, table.is_class] > 0
    groups_left = has_class.sum(axis=0) - chosen.astype(np.float64) @ has_class
    missing = (counts[:, table.is_class] == 0).sum(axis=1) + np.maximum(left - groups_left, 0).sum(axis=1)
    deviation = table.deviation(counts, images)
    first = np.lexsort((deviation, missing))[0]
    loss = (float(missing[first]), float(deviation[first]))
    return (chosen[first], loss) if loss < least else (best, least)


def _keys(table: _Table, draws: int, random: np.random.Generator) -> Iterator[NDArray[np.float64]]:
    """Draws in blocks that fit in memory: draws × groups values in 0..1 whose order is the order of drawing.

    The groups of each kind are spread evenly over 0..1, so that the first quarter of the order holds a quarter of
    every kind; which groups of a kind come early is random.
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


def _checked_share(name: str, share: float | None) -> float:
    if share is None or not 0 < share < 1:
        raise UserError(f"Setting `{name}` of the split must be greater than 0 and less than 1. Received {share}.")
    return share


def _checked_folds(folds: int | None) -> int:
    if folds is None or folds < 2:
        raise UserError(f"Setting `folds` of split kfold must be at least 2. Received {folds}.")
    return folds


def _check_classes(labels: Labels, groups: Groups, classes: Sequence[str], *, folds: int, test: Chosen | None) -> None:
    """Every class must be able to be in train, validation and test."""
    unit = "images" if len(set(groups.tolist())) == len(groups) else "groups"
    outside, needed, purpose = np.ones(len(labels), bool), 3, "train, validation and test"
    if test is not None:
        torn = np.intersect1d(groups[test], groups[~test])
        if len(torn):
            raise UserError(
                f"Group '{torn[0]}' lies both in the given test set and outside it: correct the test set, or use "
                "split=random."
            )
        outside, needed, purpose = ~test, 2, "train and validation beside the given test set"
    elif folds:
        needed, purpose = max(folds, 3), f"{folds} folds with train and validation"
    for label in np.unique(labels):
        count = len(set(groups[outside & (labels == label)].tolist()))
        if count < needed:
            raise UserError(
                f"Class '{classes[label]}' has too few {unit} for {purpose}: {needed} are needed. Received {count}; "
                "add images or merge the class with another."
            )
