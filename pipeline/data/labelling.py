"""Labels and parts from the names that people give to classes and splits."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.data.images import printable
from pipeline.data.splits import TEST, TRAIN, VALIDATION
from pipeline.errors import UserError, unknown

PART_NAMES = {
    TRAIN: ("train", "training", "trn"),
    VALIDATION: ("val", "valid", "validation", "dev", "development"),
    TEST: ("test", "testing", "tst", "holdout"),
}


NEUTRAL = frozenset({"set", "data", "dataset", "images", "imgs", "pictures", "photos", "samples", "split", "folder"})
"""Words beside the name of a part that do not change its meaning, as in "Training set" or "images_train2017"."""
SHOWN = 10
"""At most this many names are listed in a message."""


class Division(NamedTuple):
    """The predefined split of a source; true for an image in that part."""

    test: NDArray[np.bool_] | None = None
    validation: NDArray[np.bool_] | None = None
    notes: tuple[str, ...] = ()


def parts_of(names: Iterable[str], *, among: str) -> dict[str, int]:
    """The part that each name stands for, or an empty mapping if the names are no parts of a split.

    Args:
        names: such as those of folders.
        among: what has these names, for messages.

    Raises:
        UserError: some names stand for parts, and others do not; or there is no part for training.

    >>> parts_of(["Train", "valid", "TEST"], among="folders")
    {'TEST': 2, 'Train': 0, 'valid': 1}
    >>> parts_of(["Training_set", "test2017"], among="folders")
    {'Training_set': 0, 'test2017': 2}
    >>> parts_of(["train", "plane"], among="folders")
    {}
    """
    distinct = sorted(set(names))
    parts = {name: part for name in distinct if (part := part_of(name)) is not None}
    others = set(distinct) - set(parts)
    # One name alone may be a class: there are pictures of trains.
    if len(set(parts.values())) < 2:
        return {}
    if others:
        raise UserError(
            f"The {among} must all be parts of a split, such as train and test, or none of them. {listed(parts)} are, "
            f"{listed(others)} are not: rename or remove some."
        )
    if TRAIN not in parts.values():
        raise UserError(f"One of the {among} must be the training set, such as 'train'. Received {listed(parts)}.")
    return parts


def part_of(name: str) -> int | None:
    """The part of a split that a name stands for, or None."""
    words = [word for word in re.split(r"[^a-z]+", name.lower()) if word and word not in NEUTRAL]
    word = words[0].removesuffix("set") if len(words) == 1 else "".join(words)
    return next((part for part, spellings in PART_NAMES.items() if word in spellings), None)


def listed(names: Iterable[str]) -> str:
    """Names in a message, in quotation marks; at most `SHOWN`.

    >>> listed(["cat", "dog"])
    "'cat', 'dog'"
    """
    ordered = sorted(names)
    shown = ", ".join(f"'{printable(name)}'" for name in ordered[:SHOWN])
    return shown + (f" and {len(ordered) - SHOWN:,} more" if len(ordered) > SHOWN else "")


def division_of(parts: Sequence[int]) -> Division:
    """The predefined split with this part for each image. Without a test set, the validation set takes its place."""
    test, validation = (np.array(parts) == part for part in (TEST, VALIDATION))
    if test.any():
        return Division(test, validation if validation.any() else None)
    if not validation.any():
        return Division()
    note = (
        "The data have validation images but no test set: the validation images are used for testing, and others are "
        "drawn for validation."
    )
    return Division(validation, None, (note,))


def labels_of(names: Sequence[str], positive: str | None) -> tuple[tuple[str, ...], NDArray[np.int64], tuple[str, ...]]:
    """The classes in alphabetical order, the label of each image and notes, from the name of the class of each image.

    `positive_last` explains `positive` and the order of two classes.

    Raises:
        UserError: `positive` is not a class, or is given for more than two classes.
    """
    shown = {name: printable(name) for name in set(names)}
    number = {name: label for label, name in enumerate(sorted(set(shown.values())))}
    given = np.array([number[shown[name]] for name in names], np.int64)
    classes, labels, notes = positive_last(tuple(number), given, positive)
    return classes, labels, (*notes, *_alike(classes))


def check_no_class_lost(before: Iterable[str], after: Iterable[str], *, place: str) -> None:
    """Check that leaving out unreadable pictures leaves some of each class.

    Args:
        before: the class of each picture.
        after: the class of each picture that is used.
        place: where the pictures are, for messages.

    Raises:
        UserError: a class has no picture left. The others alone would be another problem.
    """
    lost = set(before) - set(after)
    if lost:
        raise UserError(
            f"No picture of {listed(lost)} in {place} can be read, but every class needs some: repair them, or remove "
            "the class."
        )


def positive_last(
    classes: Sequence[str], labels: NDArray[np.int64], positive: str | None
) -> tuple[tuple[str, ...], NDArray[np.int64], tuple[str, ...]]:
    """Order two classes so that the positive one, to which scores such as recall and F1 refer, is the last.

    By default, it is the rarer class; of equally frequent classes, the last.

    Raises:
        UserError: `positive` is not a class, or is given for more than two classes.
    """
    if positive is not None and positive not in classes:
        raise unknown("class in option 'positive'", positive, classes)
    if positive is not None and len(classes) > 2:
        raise UserError(
            f"Option 'positive' requires exactly two classes; set it to null. Received {positive!r} for "
            f"{len(classes)} classes."
        )
    names = tuple(classes)
    if len(names) != 2:
        return names, labels, ()
    first, last = np.bincount(labels, minlength=2).tolist()
    swapped = first < last if positive is None else positive == classes[0]
    if swapped:
        names, labels = names[::-1], 1 - labels
    if positive is not None:
        return names, labels, ()
    why = "because it is rarer" if first != last else "because it is the last of two equally frequent ones"
    note = f"'{names[1]}' is the positive class, {why}: precision, recall and F1 refer to it."
    return names, labels, (f"{note} Set option 'positive' to choose it.",)


def _alike(classes: Sequence[str]) -> Iterator[str]:
    """Notes about classes whose names look the same."""
    by_look: dict[str, list[str]] = {}
    for name in classes:
        by_look.setdefault(" ".join(unicodedata.normalize("NFKC", name).casefold().split()), []).append(name)
    for names in by_look.values():
        if len(names) > 1:
            yield (
                f"Classes {listed(names)} differ only in upper and lower case, spaces or the encoding of characters. "
                "If they are one class, give them one name."
            )
