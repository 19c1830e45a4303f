"""Keep the test set of a data set in a small readable file, so that it stays the same when images are added.

The file lists groups by name and images by digest (SHA-256 of shape and pixels). It belongs under version control,
because all results are measured on these images.
"""

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UserError
from pipeline.storage.files import read_json, write_checked_json

ABOUT = "The test set: no network is trained or tuned on these images. Kept when images are added; delete to redraw."
ABOUT_NONE = "No image is listed, because this split keeps no test set: its settings determine the test images."


DIGEST = re.compile("[0-9a-f]{64}")
Digests = NDArray[np.uint8]
"""SHA-256 of shape and pixels of each of n images, n × 32."""


def write_test_set(
    path: Path, test: NDArray[np.bool_], digests: Digests, groups: NDArray[np.str_], *, seed: int, share: float
) -> None:
    """Write a test set (true for each of n images in it) with the seed and the share that it was drawn with.

    If single images were drawn instead of groups, `groups` holds the names of the images.
    """
    content = {
        "about": ABOUT if test.any() else ABOUT_NONE,
        "seed": seed,
        "share": share,
        "groups": sorted(set(groups[test].tolist())),
        "images": sorted(digest.tobytes().hex() for digest in digests[test]),
    }
    write_checked_json(path, content)


def read_test_set(path: Path, digests: Digests, groups: NDArray[np.str_]) -> NDArray[np.bool_]:
    """Read a test set: true for each of n images that belongs to it.

    All images of a listed group belong to it, including new ones. If a group was renamed, the digests of its images
    identify it under its new name. New groups do not belong to the test set.

    Raises:
        UserError: the file is not a test set, or none of its images is in the data.
    """
    content = _content(path)
    test = np.isin(groups, content["groups"])
    # Ignore digests that occur in a listed group: a duplicate of a test image may be in a training group.
    keys = _keys(digests)
    renamed = np.setdiff1d(_listed(content), keys[test])
    test |= np.isin(groups, groups[np.isin(keys, renamed)])
    if not test.any():
        raise UserError(
            f"None of the {len(content['images'])} images of the test set '{path}' is among the {len(digests)} images "
            "of the data: choose the data that the test set belongs to, or delete the file to draw a new test set."
        )
    return test


def check_drawn_with(path: Path, *, seed: int, share: float | None) -> None:
    """Raise a UserError if the test set was drawn with another seed or share than the current settings."""
    content = _content(path)
    drawn = {"seed": content.get("seed"), "share": content.get("share")}
    if drawn != {"seed": seed, "share": share}:
        raise UserError(
            f"Test set '{path}' was drawn with seed {drawn['seed']} and share {drawn['share']}, but the split has "
            f"seed {seed} and test_share {share}: restore these settings, or delete the file to draw a new test set."
        )


def missing_images(path: Path, digests: Digests) -> int:
    """The number of images of the test set that are missing from the data."""
    return len(np.setdiff1d(_listed(_content(path)), _keys(digests)))


def _keys(digests: Digests) -> NDArray[np.bytes_]:
    """Each digest as one element of an array, which NumPy can sort and look up."""
    return np.ascontiguousarray(digests, np.uint8).view("S32")[:, 0]


def _listed(content: dict[str, Any]) -> NDArray[np.bytes_]:
    return np.array([bytes.fromhex(digest) for digest in content["images"]], "S32")


def _content(path: Path) -> dict[str, Any]:
    if not path.exists():
        raise UserError(
            f"Test set '{path}' does not exist: restore it from version control, or run `convtrack prepare`."
        )
    if path.is_dir():
        raise UserError(f"Test set '{path}' is a folder, but it must be a file: move the folder away.")
    damaged = UserError(
        f"Test set '{path}' is damaged or was edited: restore it from version control, or delete it to draw a new one."
    )
    content: dict[str, Any] = read_json(path, problem=damaged)
    if not all(
        isinstance(content.get(key), list) and all(isinstance(entry, str) and matches(entry) for entry in content[key])
        for key, matches in (("groups", str), ("images", DIGEST.fullmatch))
    ):
        raise damaged
    return content
