"""Prepare images: load them, keep or draw the test set, split them for every replicate, and write the result."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.data.images import LabelledImages
from pipeline.data.prepared import read_manifest, write_prepared
from pipeline.data.sources import load_images
from pipeline.data.splits import SPLITS, keeps_test_set, replicate_splits
from pipeline.data.test_sets import check_drawn_with, image_digests, missing_images, read_test_set, write_test_set
from pipeline.errors import UserError


def prepare(
    folder: Path, data: Mapping[str, Any], split: Mapping[str, Any], *, replicates: int, test_set: Path
) -> Iterator[str]:
    """Load a source, split it for every replicate and write the prepared folder; yield lines that report progress.

    Args:
        folder: the prepared folder to write.
        data: name, source and options of the data set.
        split: name, strategy and settings of `replicate_splits`.
        replicates: the number of splits.
        test_set: the file of the test set. If it exists, its images stay the test set when others are added.
            Otherwise the drawn test set is written to it.

    Raises:
        UserError: the settings or the images are invalid. Nothing is written.
    """
    images = load_images(data["source"], data["options"])
    yield (
        f"{data['name']}: {len(images.labels)} images of {'×'.join(map(str, images.pixels.shape[1:]))}, "
        f"{len(images.classes)} classes, {len(set(images.groups.tolist()))} groups"
    )
    digests = image_digests(images.pixels)
    given = images.test if keeps_test_set(split["strategy"]) else None
    if keeps_test_set(split["strategy"]) and given is None and test_set.is_file():
        given = _kept_test(test_set, images, digests, split)
        missing = missing_images(test_set, digests)
        if missing:
            note = f"{missing} images of the test set {test_set} are missing from the data."
            images = replace(images, notes=(*images.notes, note))
    settings = {key: value for key, value in split.items() if key not in ("name", "strategy")}
    splits = replicate_splits(
        split["strategy"],
        images.labels,
        images.groups,
        images.subgroups,
        replicates=replicates,
        test=given,
        classes=images.classes,
        **settings,
    )
    write_prepared(
        folder,
        images,
        splits,
        settings={"data": dict(data), "split": dict(split)},
        digests=digests,
        name=data["name"],
    )
    if not test_set.is_file():
        _write_test_set(test_set, images, digests, splits, split)
    for note in images.notes:
        yield f"Note: {note}"
    yield from _balance_lines(folder)


def _kept_test(file: Path, images: LabelledImages, digests: Sequence[str], split: Mapping[str, Any]) -> Any:
    """The test set in a file: n values, true for a test image. Raises UserError if a class has no test image."""
    check_drawn_with(file, seed=split["seed"], share=split["test_share"])
    tested = read_test_set(file, digests, _tested_by(images, split["strategy"]))
    untested = set(range(len(images.classes))) - set(images.labels[tested].tolist())
    if untested:
        raise UserError(
            f"Class '{images.classes[min(untested)]}' has no image in the test set '{file}', which was drawn "
            "before the class was added. Every class needs test images: delete the file to draw a new test set."
        )
    return tested


def _balance_lines(folder: Path) -> Iterator[str]:
    """A line for each part: its size, and how far its class shares are from those of all images."""
    balances = [replicate["balance"] for replicate in read_manifest(folder)["replicates"]]
    for name in SPLITS:
        sizes = sorted({balance[name]["images"] for balance in balances})
        worst = max(balance[name]["deviation"] for balance in balances)
        yield (
            f"{name}: {'–'.join(map(str, sorted({sizes[0], sizes[-1]})))} images, "
            f"class shares within {100 * worst:.1f} percentage points of the whole"
        )


def _tested_by(images: LabelledImages, strategy: str) -> Any:
    """The units that a test set is drawn from: groups, or single images if the strategy ignores groups."""
    return images.names if strategy == "random" else images.groups


def _write_test_set(
    file: Path, images: LabelledImages, digests: Sequence[str], splits: Any, split: Mapping[str, Any]
) -> None:
    # If each replicate draws its own test set, the file lists no image. DVC still expects it as an output.
    if keeps_test_set(split["strategy"]):
        test = splits[0] == SPLITS.index("test")
    else:
        test = np.zeros(len(images.labels), bool)
    write_test_set(
        file,
        test,
        digests,
        _tested_by(images, split["strategy"]),
        seed=split["seed"],
        share=split["test_share"] or 0,
    )
