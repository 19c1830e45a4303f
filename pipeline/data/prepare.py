"""Prepare images: load them, keep or draw the test set, split them for every replicate, audit and write the result."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.config.schema import AuditConfig, DataConfig, SplitConfig
from pipeline.counts import number_of
from pipeline.data.audit import audit, stops
from pipeline.data.audit.audited import Audited
from pipeline.data.audit.finding import Finding
from pipeline.data.copies import Copies, find_copies, joined
from pipeline.data.images import LabelledImages
from pipeline.data.measured import write_measured
from pipeline.data.pixel_file import PixelFile
from pipeline.data.prepared import PIXELS, read_manifest, write_described
from pipeline.data.sources import load_images
from pipeline.data.splits import SPLITS, keeps_test_set, replicate_splits
from pipeline.data.test_sets import Digests, check_drawn_with, missing_images, read_test_set, write_test_set
from pipeline.errors import UserError
from pipeline.storage.files import replacing_folder


def prepare(
    folder: Path,
    data: DataConfig,
    split: SplitConfig,
    *,
    replicates: int,
    test_set: Path,
    settings: AuditConfig,
    report: Callable[[str], None],
) -> list[Finding]:
    """Load a source, split it for every replicate, write the prepared folder, and return what the audit finds.

    A test set is written to its file unless a finding stops: a rejected one must not be kept.

    Args:
        folder: the prepared folder to write.
        data: name, source and options of the data set.
        split: name, strategy and settings of `replicate_splits`.
        replicates: the number of splits.
        test_set: the file of the test set. If it exists, its images stay the test set when others are added.
            Otherwise the drawn test set is written to it.
        settings: those of the audit.
        report: receives lines that describe what is prepared.

    Raises:
        UserError: the settings or the images are invalid. Nothing is written.
    """
    stated = load_images(data.source, data.options)
    with replacing_folder(folder) as unfinished:
        measured = write_measured(unfinished / PIXELS, stated.pixels)
        copies = find_copies(measured, PixelFile(unfinished / PIXELS))
        images = _with_joined_groups(stated, copies, split.strategy) if data.groups == "auto" else stated
        report(
            f"{data.name}: {number_of(len(images.labels), 'image')} of shape "
            f"{'×'.join(map(str, images.pixels.shape[1:]))}, "
            f"{len(images.classes)} classes, {number_of(len(np.unique(images.groups)), 'group')}"
        )
        images, given = _with_test_set(images, measured.digests, split, test_set)
        splits = _split(images, split, replicates, given)
        joins = not np.array_equal(images.groups, stated.groups)
        unjoined = _split(stated, split, 1, stated.test)[0] if joins else None
        findings = audit(
            Audited(images, measured, copies, splits, unjoined, data.options, settings.margin),
            settings,
        )
        write_described(
            unfinished,
            images,
            splits,
            measured,
            settings={"data": asdict(data), "split": asdict(split)},
            name=data.name,
        )
    if not test_set.is_file() and not stops(findings):
        _write_test_set(test_set, images, measured.digests, splits, split)
    for line in (*(f"Note: {note}" for note in images.notes), *_balance_lines(folder), *_finding_lines(findings)):
        report(line)
    return findings


def _with_joined_groups(images: LabelledImages, copies: Copies, strategy: str) -> LabelledImages:
    """Images whose groups are joined where they share copies, but not across a predefined split.

    A joined group has the name of the group of its first image.

    Raises:
        UserError: the split ignores groups.
    """
    if strategy == "random":
        raise UserError(
            "`groups: auto` requires a split that keeps groups together. Received split=random: use split=group or "
            "split=kfold, or set `groups: stated`."
        )
    pairs = np.concatenate(copies)
    if keeps_test_set(strategy):
        for part in (images.test, images.validation):
            if part is not None:
                pairs = pairs[part[pairs[:, 0]] == part[pairs[:, 1]]]
    number = joined(len(images.labels), pairs, np.unique(images.groups, return_inverse=True)[1])
    _, first, place = np.unique(number, return_index=True, return_inverse=True)
    return replace(images, groups=images.groups[first][place])


def _with_test_set(
    images: LabelledImages, digests: Digests, split: SplitConfig, file: Path
) -> tuple[LabelledImages, NDArray[np.bool_] | None]:
    """The images with notes on their test set, and the test set to keep, if there is one."""
    if not keeps_test_set(split.strategy):
        if images.test is None:
            return images, None
        note = (
            f"The data have a predefined test set, but split={split.name} does not use it: use split=group to keep it."
        )
        return replace(images, notes=(*images.notes, note)), None
    if images.test is not None or not file.is_file():
        return images, images.test
    missing = missing_images(file, digests)
    if missing:
        note = f"Missing from the data: {number_of(missing, 'image')} of the test set {file}."
        images = replace(images, notes=(*images.notes, note))
    return images, _kept_test(file, images, digests, split)


def _split(
    images: LabelledImages, split: SplitConfig, replicates: int, test: NDArray[np.bool_] | None
) -> NDArray[np.uint8]:
    """The split of every replicate. `test` is a test set to keep."""
    values = {key: value for key, value in asdict(split).items() if key not in ("name", "strategy")}
    kept = keeps_test_set(split.strategy)
    return replicate_splits(
        split.strategy,
        images.labels,
        images.groups,
        images.subgroups,
        replicates=replicates,
        test=test if kept else None,
        validation=images.validation if kept else None,
        classes=images.classes,
        **values,
    )


def _finding_lines(findings: Sequence[Finding]) -> Iterator[str]:
    """A line for each finding that warns. Those that stop are in the error message."""
    for finding in findings:
        if finding.severity == "warn":
            yield f"Audit: {finding.summary} ({finding.check})"


def _kept_test(file: Path, images: LabelledImages, digests: Digests, split: SplitConfig) -> Any:
    """The test set in a file: n values, true for a test image. Raises UserError if a class has no test image."""
    check_drawn_with(file, seed=split.seed, share=split.test_share)
    tested = read_test_set(file, digests, _tested_by(images, split.strategy))
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
            f"{name}: {'' if sizes[0] == sizes[-1] else f'{sizes[0]:,}–'}{number_of(sizes[-1], 'image')}, "
            f"class shares differ from those of all images by at most {100 * worst:.1f} percentage points"
        )


def _tested_by(images: LabelledImages, strategy: str) -> Any:
    """The units that a test set is drawn from: groups, or single images if the strategy ignores groups."""
    return images.names if strategy == "random" else images.groups


def _write_test_set(file: Path, images: LabelledImages, digests: Digests, splits: Any, split: SplitConfig) -> None:
    # If each replicate draws its own test set, the file lists no image. DVC still expects it as an output.
    kept = keeps_test_set(split.strategy)
    test = splits[0] == SPLITS.index("test") if kept else np.zeros(len(images.labels), bool)
    write_test_set(
        file,
        test,
        digests,
        _tested_by(images, split.strategy),
        seed=split.seed,
        share=split.test_share or 0,
    )
