"""Labels and parts from the names that people give to classes and splits."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.data.splits import TEST, TRAIN, VALIDATION
from pipeline.errors import UserError, unknown

PART_NAMES = {
    TRAIN: ("train", "training", "trn", "tr"),
    VALIDATION: ("val", "valid", "validation", "dev", "development"),
    TEST: ("test", "testing", "tst", "te", "holdout", "hold-out"),
}


class Division(NamedTuple):
    """The division of images into parts that a source states; true for an image in the part."""

    test: NDArray[np.bool_] | None = None
    validation: NDArray[np.bool_] | None = None
    notes: tuple[str, ...] = ()


def parts_of(names: Iterable[str]) -> dict[str, int]:
    """The part that each name stands for, or an empty mapping unless all names stand for parts, one of them `TRAIN`.

    >>> parts_of(["Train", "valid", "TEST"])
    {'Train': 0, 'valid': 1, 'TEST': 2}
    >>> parts_of(["train", "plane"])
    {}
    """
    by_name = {name: part for part, spellings in PART_NAMES.items() for name in spellings}
    parts = {name: by_name.get(name.strip().lower(), -1) for name in names}
    return parts if {TRAIN} < set(parts.values()) and -1 not in parts.values() else {}


def division_of(parts: Sequence[int]) -> Division:
    """The division with this part for each image. Without test images, the validation images are the test set."""
    values = np.array(parts)
    if not (values == TEST).any():
        note = (
            "The data have no test set. Their validation images are the test set, and others are drawn for validation."
        )
        return Division(values == VALIDATION, None, (note,))
    return Division(values == TEST, values == VALIDATION if (values == VALIDATION).any() else None)


def labels_of(names: Sequence[str], positive: str | None) -> tuple[tuple[str, ...], NDArray[np.int64], tuple[str, ...]]:
    """The classes, the label of each image and notes, from the name of the class of each image.

    Of two classes, the positive one is the last, because scores such as recall and F1 refer to it. By default it is the
    rarer one.

    Raises:
        UserError: `positive` is not a class, or is given for more than two classes.
    """
    counts = Counter(names)
    classes = sorted(counts)
    notes: tuple[str, ...] = ()
    if positive is not None and positive not in classes:
        raise unknown("class in option 'positive'", positive, classes)
    if positive is not None and len(classes) > 2:
        raise UserError(
            f"Option 'positive' must be null unless there are two classes. Received {positive!r} for "
            f"{len(classes)} classes."
        )
    if len(classes) == 2:
        # Of equally frequent classes, the last in the alphabet.
        classes.sort(key=lambda name: (name == positive, -counts[name]))
        if positive is None:
            notes = (
                f"'{classes[1]}' is the positive class"
                + (", because it is rarer" if counts[classes[0]] > counts[classes[1]] else "")
                + ": precision, recall and F1 refer to it. Set option 'positive' to choose it.",
            )
    number = {name: label for label, name in enumerate(classes)}
    return tuple(classes), np.array([number[name] for name in names], np.int64), notes
