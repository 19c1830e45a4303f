"""The lines that describe a survey of images."""

from collections.abc import Iterator

from pipeline.console import columns
from pipeline.counts import number_of
from pipeline.data.labelling import listed
from pipeline.data.pictures.listing import BROKEN_LINK, NOT_UTF8, SPECIAL
from pipeline.data.survey.surveyed import Survey

SHOWN = 20
"""At most so many classes, and reasons to skip files, are listed."""
FEWEST = {"kfold": 5, "group": 2}
"""The least number of images of a class that a split can divide."""


def survey_lines(survey: Survey) -> Iterator[str]:
    """What was found: classes, parts, facts, faults and skipped files."""
    yield f"{survey.path}: {survey.images:,} images in {len(survey.classes):,} classes ({survey.layout})"
    yield ""
    rows = [("class", "images"), *((name, f"{count:,}") for name, count in list(survey.classes.items())[:SHOWN])]
    for line in columns(rows, right=(1,)):
        yield f"  {line}"
    if len(survey.classes) > SHOWN:
        yield f"  and {len(survey.classes) - SHOWN:,} more classes"
    yield ""
    if survey.has_test_set:
        parts = ", ".join(f"{count:,} {name}" for name, count in survey.parts.items())
        yield f"Predefined split, which is kept: {parts}."
    yield from survey.facts
    yield from _skipped_lines(survey)
    yield from _faults(survey)


def proposed_split(survey: Survey) -> str:
    """The split that fits: `group` keeps a predefined test set, `kfold` tests every image once."""
    return "group" if survey.has_test_set else "kfold"


def _skipped_lines(survey: Survey) -> Iterator[str]:
    """One line for each reason, with the number of files and an example."""
    by_reason: dict[str, list[str]] = {}
    files: dict[str, int] = {}
    for one in survey.skipped:
        by_reason.setdefault(one.reason, []).append(one.name)
        files[one.reason] = files.get(one.reason, 0) + one.files
    if by_reason:
        thing = "row" if survey.source == "table" else "file"
        yield f"Not used: {number_of(sum(files.values()), thing)}."
    for reason, names in list(by_reason.items())[:SHOWN]:
        yield f"  {files[reason]:,} {reason}: {names[0]}{', …' if len(names) > 1 else ''}"
    if len(by_reason) > SHOWN:
        yield f"  and {len(by_reason) - SHOWN:,} more reasons"


def _faults(survey: Survey) -> Iterator[str]:
    """What stops `make repro`, with what to do."""
    refused = [one.name for one in survey.skipped if one.reason in (BROKEN_LINK, NOT_UTF8, SPECIAL)]
    if refused:
        yield (
            "DVC fails on broken links, pipes, devices and names that are not valid UTF-8: remove or rename "
            f"{listed(refused)} before `make repro`."
        )
    needed = FEWEST[proposed_split(survey)]
    small = {name: count for name, count in survey.classes.items() if count < needed}
    if small:
        named = ", ".join(f"'{name}' ({count})" for name, count in list(small.items())[:SHOWN])
        yield (
            f"Too few images: {named}. With `split: {proposed_split(survey)}`, each class needs at least {needed}: add "
            "images, or remove the class."
        )
