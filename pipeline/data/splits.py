"""Divide images into training, validation and test, once per replicate.

A split of n images is n values of `TRAIN`, `VALIDATION` and `TEST`. It keeps the images of a group together. Cells of
one solar module, or photos of one patient, resemble each other: a network trained on some of them would get too high a
test score on the others.
"""

from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.data.balanced_draws import Chosen, Groups, Labels, deal_folds, draw_test, draw_validation
from pipeline.errors import UserError, unknown

TRAIN, VALIDATION, TEST = 0, 1, 2
SPLITS = ("train", "validation", "test")  # names, by value

STRATEGIES = ("group", "kfold", "random", "resampled", "tuning")
OWN_TESTS = ("kfold", "resampled")  # strategies that draw a test set for each replicate
KEPT_TESTS = ("group", "random")  # strategies whose test set is kept in a file


class Balance(NamedTuple):
    """The size of one part of a split, and how its class shares differ from those of all images."""

    images: int
    shares: tuple[float, ...]  # of each class
    deviation: float  # the largest absolute difference from a class share of all images


def keeps_test_set(strategy: str) -> bool:
    """Whether all replicates share one test set, which is kept in a file."""
    return strategy in KEPT_TESTS


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
    tuning_share: float | None = None,
    seed: int,
    test: Chosen | None = None,
    validation: Chosen | None = None,
    classes: Sequence[str] = (),
) -> NDArray[np.uint8]:
    """Split n images for every replicate: replicates × n values of `TRAIN`, `VALIDATION` and `TEST`.

    Row r depends only on the data, the seed and r, not on the number of replicates.

    Args:
        strategy: `group` draws one test set of whole groups and redraws train and validation for each replicate.
            `random` does the same with single images, stratified by label. `resampled` is `group` with a new test set
            for each replicate. `kfold` deals whole groups into folds; replicate r tests on fold r mod folds of
            repetition r // folds. `tuning` trains and validates on the tuning groups only; all others are its test set.
        labels: the class of each image, n integers.
        groups: the group of each image, n names.
        strata: the stratum of each image, n names; the shares of strata are balanced, too.
        replicates: how many splits to draw.
        test_share: the share of all images in the test set; `kfold` and `tuning` ignore it.
        validation_share: the share of all images in the validation set; for `tuning`, of the images of tuning groups.
        folds: the number of folds of `kfold`; the other strategies ignore it.
        tuning_share: the share of all images in the tuning groups, which `kfold` never tests and `tuning` alone uses.
            Both draw the same groups. None is for `kfold` without tuning groups; the other strategies ignore it.
        seed: the seed of all draws.
        test: a test set to keep, true for each image in it.
        validation: a validation set to keep beside that test set; then all replicates have the same split.
        classes: the names of the classes, for messages.

    Raises:
        UserError: the settings are invalid, or a class has too few images or groups to be in train, validation and
            test.
    """
    parts, share = _checked_settings(strategy, test_share, validation_share, folds, tuning_share, seed, test)
    names = classes or [str(label) for label in range(labels.max() + 1)]
    if strategy == "random":
        groups, strata = np.arange(len(labels)).astype(str), None
    # Numbers instead of names, because sorting a million names takes seconds and is needed for every replicate.
    group_names: NDArray[np.str_]
    group_names, group = np.unique(np.asarray(groups, np.str_), return_inverse=True)
    if test is not None:
        _check_whole(group_names, group, test)
        _check_stated(labels, names, test, validation)
    tuning = tuning_images(labels, group, strata, share=tuning_share, seed=seed)
    if strategy == "tuning":
        test, validation_share = ~tuning, validation_share * float(tuning.mean())
    _check_classes(labels, group, names, folds=parts, test=test, tuning=tuning)
    tests = _test_sets(
        strategy,
        labels,
        group,
        strata,
        replicates=replicates,
        share=share,
        folds=parts,
        seed=seed,
        test=test,
        tuning=tuning,
    )
    splits = np.full((replicates, len(labels)), TRAIN, np.uint8)
    for replicate, (split, tested) in enumerate(zip(splits, tests, strict=True)):
        split[tested] = TEST
        if validation is not None:
            split[validation] = VALIDATION
            continue
        rest = np.flatnonzero(~tested)
        validated = draw_validation(
            labels[rest],
            group[rest],
            None if strata is None else strata[rest],
            images=validation_share * len(labels),
            seed=(seed, replicate),
        )
        split[rest[validated]] = VALIDATION
    return splits


def tuning_images(
    labels: Labels, groups: Groups, strata: Groups | None, *, share: float | None, seed: int
) -> NDArray[np.bool_]:
    """The images of the tuning groups, true for each of n images in them; none if `share` is None."""
    if share is None:
        return np.zeros(len(labels), bool)
    return draw_test(labels, groups, strata, share=share, seed=seed)


def _test_sets(
    strategy: str,
    labels: Labels,
    groups: Groups,
    strata: Groups | None,
    *,
    replicates: int,
    share: float,
    folds: int,
    seed: int,
    test: Chosen | None,
    tuning: Chosen,
) -> Iterator[Chosen]:
    """Yield the test set of each replicate, true for each image in it; folds leave out the images of `tuning`."""
    if strategy not in OWN_TESTS:
        kept = draw_test(labels, groups, strata, share=share, seed=seed) if test is None else test
        yield from repeat(kept, replicates)
    elif strategy == "kfold":
        dealt, tested = np.full(len(labels), -1), np.flatnonzero(~tuning)
        kinds = None if strata is None else strata[tested]
        for replicate in range(replicates):
            repetition, fold = divmod(replicate, folds)
            if fold == 0:
                dealt[tested] = deal_folds(labels[tested], groups[tested], kinds, folds=folds, seed=(seed, repetition))
            yield dealt == fold
    else:
        for replicate in range(replicates):
            yield draw_test(labels, groups, strata, share=share, seed=(seed, replicate))


def deviations(splits: NDArray[np.uint8], labels: Labels, classes: int) -> list[dict[str, Balance]]:
    """The balance of train, validation and test of each replicate, by the name of the part."""
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


def _checked_settings(
    strategy: str,
    test_share: float | None,
    validation_share: float,
    folds: int | None,
    tuning_share: float | None,
    seed: int,
    test: NDArray[np.bool_] | None,
) -> tuple[int, float]:
    """The number of folds, 0 without folds, and the share of the test set; raises as `replicate_splits`."""
    if strategy not in STRATEGIES:
        raise unknown("split strategy", strategy, STRATEGIES)
    if seed < 0:
        raise UserError(f"`split.seed` must be an integer at least 0. Received {seed}.")
    if test is not None and not keeps_test_set(strategy):
        raise UserError(
            f"Split {strategy} draws its own test sets, but the source defines one: use split=group or split=random."
        )
    if tuning_share is not None and strategy not in ("kfold", "tuning"):
        raise UserError(
            f"`split.tuning_share` must be null for split={strategy}: only kfold and tuning have tuning groups. "
            f"Received {tuning_share}."
        )
    parts = _checked_folds(folds) if strategy == "kfold" else 0
    if parts:
        share = (1 - (0 if tuning_share is None else _checked_share("tuning_share", tuning_share))) / parts
    elif strategy == "tuning":
        # Its validation images come from the tuning groups, so the test set takes no share of them.
        _checked_share("tuning_share", tuning_share)
        share = 0.0
    else:
        share = float(test.mean()) if test is not None else _checked_share("test_share", test_share)
    if share + _checked_share("validation_share", validation_share) >= 1:
        raise UserError(
            f"The shares of the test set ({share:g}) and of the validation set ({validation_share:g}) must add up to "
            "less than 1, so that training images remain: lower one of them."
        )
    return parts, share


def _checked_share(name: str, share: float | None) -> float:
    if share is None or not 0 < share < 1:
        raise UserError(f"`split.{name}` must be a number greater than 0 and less than 1. Received {share}.")
    return share


def _checked_folds(folds: int | None) -> int:
    if folds is None or folds < 2:
        raise UserError(f"`split.folds` must be an integer at least 2 for split=kfold. Received {folds}.")
    return folds


def _check_whole(names: NDArray[np.str_], group: NDArray[np.int64], test: Chosen) -> None:
    """Raise a UserError if the images of a group (numbers of `names`) are in the test set and outside it."""
    torn = np.intersect1d(group[test], group[~test])
    if len(torn):
        raise UserError(
            f"Group '{names[torn[0]]}' has images in the test set and outside it, but a split keeps groups together: "
            "correct the test set, or use split=random."
        )


def _check_stated(labels: Labels, classes: Sequence[str], test: Chosen, validation: Chosen | None) -> None:
    """Raise a UserError for a class without images in a predefined test set, or without training images."""
    train = ~test if validation is None else ~(test | validation)
    for chosen, part in ((test, "test"), (train, "training")):
        absent = set(labels.tolist()) - set(labels[chosen].tolist())
        if absent:
            raise UserError(
                f"Class '{classes[min(absent)]}' has no {part} image in the predefined split, but every class needs "
                "training and test images: add some, or use split=kfold, which ignores the predefined split."
            )


def _check_classes(
    labels: Labels, groups: Groups, classes: Sequence[str], *, folds: int, test: Chosen | None, tuning: Chosen
) -> None:
    """Raise a UserError for a class with too few images or groups to be in train, validation and test.

    Groups of `tuning` are in no fold.
    """
    unit = "images" if len(np.unique(groups)) == len(groups) else "groups"
    outside, needed, purpose = np.ones(len(labels), bool), 3, "train, validation and test"
    if test is not None:
        outside, needed, purpose = ~test, 2, "train and validation beside the test set"
    elif folds:
        outside, needed, purpose = ~tuning, max(folds, 3), f"{folds} folds with train and validation"
    for label in np.unique(labels):
        count = len(np.unique(groups[outside & (labels == label)]))
        if count < needed:
            reserved = len(np.unique(groups[tuning & (labels == label)])) if folds else 0
            beside = f" (not counting {reserved} in the reserved tuning groups)" if reserved else ""
            instead = "use split=kfold, which reserves no tuning groups, " if reserved else ""
            raise UserError(
                f"Class '{classes[label]}' has too few {unit} for {purpose}: it has {count}{beside} and needs "
                f"{needed}. Add images, {instead}or merge the class with another."
            )
