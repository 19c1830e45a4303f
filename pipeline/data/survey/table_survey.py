"""Survey a table that lists pictures: which columns hold paths, classes, parts and groups."""

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pipeline.data.labelling import listed, part_of
from pipeline.data.pictures.listing import SUFFIXES
from pipeline.data.sources.table import listed_pictures
from pipeline.data.splits import SPLITS
from pipeline.data.survey.folder_survey import UNREADABLE
from pipeline.data.survey.name_groups import FEWEST, THINGS
from pipeline.data.survey.picture_sample import sample_facts, sample_options, sample_pictures
from pipeline.data.survey.surveyed import Option, Survey, positive_option
from pipeline.data.table_file import read_table, text_of
from pipeline.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

LABELS = ("label", "class", "target", "category", "diagnosis", "dx", "species", "type", "klasse", "y")
"""Names of columns with the class, the likeliest first."""
GROUPS = re.compile(rf"(?i)(group|{THINGS})s?([-_ ]?(id|no|nr|number|name))?")
MOST_CLASSES = 200
ROWS = 200
"""So many rows decide which column holds paths."""


class Columns(NamedTuple):
    """The folder that paths are relative to, and the columns of a table."""

    root: Path
    picture: str
    label: str
    split: str | None
    group: str | None


def survey_table(file: Path, *, report: Callable[[str], None]) -> Survey:
    """Survey a CSV or Parquet file.

    Raises:
        UserError: no column holds paths of pictures, or none holds classes.
    """
    table = read_table(file)
    columns = _columns(table, file)
    pictures, faults = listed_pictures(table[columns.picture], table[columns.label], columns.root)
    table = table.loc[list(pictures)]
    classes = Counter(map(text_of, table[columns.label]))
    parts: Counter[str] = Counter()
    if columns.split:
        parts.update(SPLITS[part] for value in table[columns.split] if (part := part_of(text_of(value))) is not None)
    sample = sample_pictures(columns.root, list(pictures.values()), report=report)
    positive = positive_option(classes)
    return Survey(
        source="table",
        path=file,
        layout="a table of pictures",
        classes=dict(sorted(classes.items())),
        parts={name: parts[name] for name in SPLITS if parts[name]},
        facts=(*_column_facts(table, columns), *sample_facts(sample)),
        skipped=(*faults, *sample.unreadable),
        options=(
            *_column_options(columns, file),
            *sample_options(sample),
            *([positive] if positive else []),
            UNREADABLE,
        ),
    )


def _columns(table: "pd.DataFrame", file: Path) -> Columns:
    names = list(map(str, table.columns))
    root, picture = _picture_column(table, names, file)
    others = [name for name in names if name != picture]
    split = next((name for name in others if _holds_parts(table, name)), None)
    group = next((name for name in others if GROUPS.fullmatch(name) and _holds_groups(table, name)), None)
    label = _label_column(table, [name for name in others if name not in (split, group)], file)
    return Columns(root, picture, label, split, group)


def _picture_column(table: "pd.DataFrame", names: Sequence[str], file: Path) -> tuple[Path, str]:
    """The folder and the column that name most files, in some rows."""
    some = table.sample(min(ROWS, len(table)), random_state=0)
    folders = [file.parent, *sorted(one for one in file.parent.iterdir() if one.is_dir()), file.parent.parent]
    best, found = (file.parent, ""), 0
    for name in names:
        paths = [text_of(value).replace("\\", "/") for value in some[name]]
        if not any(Path(path).suffix.lower() in SUFFIXES for path in paths):
            continue
        for folder in [*_common_folder(map(text_of, table[name])), *folders]:
            count = sum(bool(path) and _holds(folder, path) for path in paths)
            if count > found:
                best, found = (folder, name), count
    if not found:
        raise UserError(
            f"No column of table '{file}' names picture files that exist: its columns are {listed(names)}. One column "
            f"must hold paths with a suffix, such as cells/17.png, relative to '{file.parent}' or a folder in it and "
            "without '..', or absolute paths in one folder."
        )
    return best


def _common_folder(paths: Iterable[str]) -> list[Path]:
    """The folder that contains all absolute paths, if there is one below the root of the file system."""
    parents = {str(Path(path).parent) for path in paths if path.startswith("/")}
    common = Path(os.path.commonpath(parents)) if parents else Path("/")
    return [] if common == Path("/") else [common]


def _holds(folder: Path, path: str) -> bool:
    """Whether a path leads to a file in this folder, which data source table requires."""
    top = os.path.normpath(folder.absolute())
    place = Path(os.path.normpath(folder.absolute() / path))
    try:
        return place.is_relative_to(top) and place.is_file()
    except OSError:  # a name that is too long, or a folder without permission
        return False


def _label_column(table: "pd.DataFrame", names: Sequence[str], file: Path) -> str:
    distinct = {name: len({text_of(value) for value in table[name]} - {""}) for name in names}
    possible = [name for name in names if 2 <= distinct[name] <= min(MOST_CLASSES, max(2, len(table) // 3))]
    if not possible:
        raise UserError(
            f"No column of table '{file}' holds classes: one must have at least two different values that repeat. "
            f"Its other columns are {listed(names) or 'none'}."
        )
    known = {name.lower(): name for name in reversed(possible)}
    return next((known[name] for name in LABELS if name in known), min(possible, key=lambda name: distinct[name]))


def _holds_parts(table: "pd.DataFrame", name: str) -> bool:
    parts = {part_of(text) for text in set(map(text_of, table[name]))}
    return None not in parts and len(parts) > 1


def _holds_groups(table: "pd.DataFrame", name: str) -> bool:
    values = {text_of(value) for value in table[name]}
    return "" not in values and FEWEST <= len(values) < len(table)


def _column_facts(table: "pd.DataFrame", columns: Columns) -> Iterator[str]:
    yield f"Column '{columns.picture}' holds paths relative to '{columns.root}', column '{columns.label}' the class."
    if columns.group:
        count = len({text_of(value) for value in table[columns.group]})
        yield f"Column '{columns.group}' holds {count:,} groups. A split does not separate the pictures of a group."
    used = {columns.picture, columns.label, columns.split, columns.group}
    unused = [str(name) for name in table.columns if name not in used]
    if unused:
        yield f"Unused columns: {listed(unused)}."


def _column_options(columns: Columns, file: Path) -> Iterator[Option]:
    if columns.root != file.parent:
        yield Option("root", columns.root, "the folder that the paths in the table are relative to")
    yield Option("picture", columns.picture, "the column with the path of each picture")
    yield Option("label", columns.label, "the column with its class")
    if columns.split:
        yield Option("split", columns.split, "the column with train, validation or test; this predefined split is kept")
    if columns.group:
        yield Option("group", columns.group, "the column with its group, which a split never separates")
