"""Groups of images, such as the pictures of one patient, that file names suggest."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

THINGS = (
    "animal|batch|camera|case|cell|clip|device|lot|module|panel|participant|patient|person|plant|sample|scan|scene|"
    "sensor|series|session|site|slide|specimen|subject|video|wafer"
)
PATTERNS = (
    rf"(?i)((?:{THINGS})[-_ ]?[a-z]{{0,2}}\d+)",  # patient-07 in patient-07-left.png
    r"([^/]+)/[^/]+$",  # the folder of the picture
    r"([^/_ -]+)[_ -][^/]*$",  # P07 in P07_left_2.png
    r"([^/]+)[_ -][^/_ -]*$",  # IMG_20240305 in IMG_20240305_101112.jpg
)
"""From the most to the least specific."""
FEWEST = 5
"""Fewer groups could not be divided into parts of a split."""
SHARED = 0.6
"""At least this share of the images must have another image in their group."""
LARGEST = 0.3
"""A group with a greater share of the images is no group of pictures of one thing."""


class SuspectedGroups(NamedTuple):
    """Groups that a pattern finds: their number, and the names of some images of one group."""

    pattern: str
    groups: int
    group: str
    examples: tuple[str, ...]


def suspected_groups(names: Sequence[str], classes: int) -> SuspectedGroups | None:
    """The groups that names of images suggest, if any.

    Args:
        names: paths of images, with forward slashes.
        classes: the number of classes. A pattern with no more groups may find the classes.

    >>> names = [f"{number % 2}/P{number}_{side}.png" for number in range(9) for side in ("left", "right")]
    >>> suspected_groups(names, classes=2)
    SuspectedGroups(pattern='([^/_ -]+)[_ -][^/]*$', groups=9, group='P0', examples=('0/P0_left.png', '0/P0_right.png'))
    """
    for pattern in PATTERNS:
        expression = re.compile(pattern)
        found = [match and match[1] for match in map(expression.search, names)]
        if None in found:
            continue
        sizes = Counter(found)
        shared = sum(size for size in sizes.values() if size > 1)
        if (
            len(sizes) >= max(FEWEST, classes + 1)
            and shared >= SHARED * len(names)
            and max(sizes.values()) <= LARGEST * len(names)
        ):
            group = next(group for group in found if group is not None and sizes[group] > 1)
            members = [name for name, one in zip(names, found, strict=True) if one == group]
            return SuspectedGroups(pattern, len(sizes), group, tuple(members[:3]))
    return None
