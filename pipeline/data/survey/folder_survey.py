"""Survey a folder of class folders, also inside folders such as train, val and test."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from pipeline.counts import number_of
from pipeline.data.images import printable
from pipeline.data.labelling import parts_of
from pipeline.data.pictures.listing import find_pictures
from pipeline.data.sources.folder import LAYOUT, by_class
from pipeline.data.splits import SPLITS
from pipeline.data.survey.name_groups import SuspectedGroups, suspected_groups
from pipeline.data.survey.picture_sample import PictureSample, sample_facts, sample_options, sample_pictures
from pipeline.data.survey.surveyed import Option, Survey, positive_option
from pipeline.errors import UserError

UNREADABLE = Option(
    "unreadable", "skip", "skip: leave out unreadable pictures and list them; stop: refuse to prepare the data"
)


def survey_folder(root: Path, *, report: Callable[[str], None]) -> Survey:
    """Survey the pictures below a folder.

    Raises:
        UserError: there are fewer than two class folders with pictures.
    """
    found = find_pictures(root)
    divided = parts_of(
        {picture.name.partition("/")[0] for picture in found.pictures if "/" in picture.name},
        among=f"folders in '{root}'",
    )
    classed, misplaced = by_class(found.pictures, 1 if divided else 0)
    classes = Counter(printable(name) for name in classed.values())
    if len(classes) < 2:
        hint = (
            f" If '{root.name}' is a class folder, name the folder above it." if found.pictures and not classes else ""
        )
        raise UserError(
            f"'{root}' must contain at least two class folders with pictures: {LAYOUT}. "
            f"Found {number_of(len(found.pictures), 'picture')} in {number_of(len(classes), 'class folder')}.{hint}"
        )
    parts = Counter(SPLITS[divided[picture.name.partition("/")[0]]] for picture in classed) if divided else Counter()
    sample = sample_pictures(root, list(classed), report=report)
    groups = suspected_groups([picture.name for picture in classed], len(classes))
    return Survey(
        source="folder",
        path=root,
        layout="class folders inside the folders of a predefined split" if divided else "class folders",
        classes=dict(sorted(classes.items())),
        parts={name: parts[name] for name in SPLITS if parts[name]},
        facts=(*sample_facts(sample), *([groups_fact(groups)] if groups else [])),
        skipped=(*found.skipped, *misplaced, *sample.unreadable),
        options=tuple(_options(sample, classes, groups)),
    )


def groups_fact(groups: SuspectedGroups) -> str:
    """A sentence about suspected groups."""
    return (
        f"File names suggest {groups.groups:,} groups of pictures of one object, such as '{printable(groups.group)}': "
        f"{', '.join(map(printable, groups.examples))}. Check `group_pattern` in the written file."
    )


def _options(sample: PictureSample, classes: Counter[str], groups: SuspectedGroups | None) -> Iterator[Option]:
    yield from sample_options(sample)
    positive = positive_option(classes)
    if positive:
        yield positive
    yield UNREADABLE
    if groups:
        yield Option(
            "group_pattern",
            groups.pattern,
            f"Suspected groups, such as '{printable(groups.group)}'. If the pictures of a group show one object, "
            "remove the # before group_pattern",
            suspected=True,
        )
