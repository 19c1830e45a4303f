"""Pictures listed in a table, CSV or Parquet: one row per picture with its path and its class.

Further columns may hold groups, a predefined split, weights, a subgroup, and numbers that belong to a picture.
"""

import os
import stat
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, Annotated, Any, Unpack

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from pipeline.data.images import LabelledImages, Skipped, printable
from pipeline.data.labelling import Division, check_no_class_lost, division_of, labels_of, listed, parts_of
from pipeline.data.pictures.decoded import Picture
from pipeline.data.pictures.picture_options import PictureOptions, in_lines, read
from pipeline.data.table_file import numbers_of, read_table, text_of, texts_of
from pipeline.data.user_paths import shown, user_path
from pipeline.errors import UserError, unknown

if TYPE_CHECKING:
    import pandas as pd

Column = Annotated[str, Field(min_length=1)]


def load(
    *,
    path: Column,
    root: str | None = None,
    picture: Column = "path",
    label: Column = "label",
    group: Column | None = None,
    split: Column | None = None,
    weight: Column | None = None,
    subgroup: Column | None = None,
    numbers: tuple[Column, ...] = (),
    positive: str | None = None,
    **options: Unpack[PictureOptions],
) -> LabelledImages:
    """Load the pictures that the table at `path` lists.

    Args:
        path: a CSV file (with commas, semicolons or tabs, UTF-8) or a Parquet file.
        root: the folder that paths in the table are relative to, by default the folder of the table.
        picture: the column with the path of each picture.
        label: the column with its class.
        group: the column with its group; by default each picture is its own group.
        split: the column with train, validation or test; this predefined split is kept.
        weight: the column with the weight of each picture in training.
        subgroup: the column with a further label, such as the type of a device.
        numbers: columns with numbers that belong to each picture, an input of some networks.
        positive: the class that scores such as recall refer to, by default the rarer of two classes.
        options: how pictures are read.

    Raises:
        UserError: the table, a column or a picture is missing or invalid.
    """
    file = user_path(path)
    folder = user_path(root) if root is not None else file.parent
    if not folder.is_dir():
        raise UserError(f"Folder '{folder}' of data source table does not exist: set option 'root' to it.")
    table = read_table(file)
    named = [picture, label, *(name for name in (group, split, weight, subgroup) if name is not None), *numbers]
    for name in named:
        if name not in table.columns:
            raise unknown(f"column of table '{file}'", name, map(str, table.columns))
    usable, faults = listed_pictures(table[picture], table[label], folder)
    if faults and (options.get("unreadable", "stop") == "stop" or not usable):
        raise _unusable(faults, len(table), file)
    seen = read(folder, list(usable.values()), options)
    rows = {row: one for (row, one), good in zip(usable.items(), seen.readable, strict=True) if good}
    every = [text for text in map(text_of, table[label]) if text]
    table = table.loc[list(rows)]
    check_no_class_lost(every, map(text_of, table[label]), place=f"table '{file}'")
    names = np.array([printable(one.name) for one in rows.values()])
    classes, labels, notes = labels_of(texts_of(table, label, file), positive)
    division = Division() if split is None else _division(table, split, file)
    return LabelledImages(
        pixels=seen.pixels,
        labels=labels,
        classes=classes,
        groups=names if group is None else np.array(texts_of(table, group, file)),
        subgroups=None if subgroup is None else np.array(texts_of(table, subgroup, file)),
        names=names,
        source="table",
        licence="not stated",
        attribution=f"Pictures: {file.name}",
        notes=(*seen.notes, *notes, *division.notes, *_weight_notes(weight)),
        test=division.test,
        validation=division.validation,
        weights=None if weight is None else _weights(table, weight, file),
        numbers=np.stack([numbers_of(table, name, file) for name in numbers], axis=1) if numbers else None,
        number_names=numbers,
        skipped=(*faults, *seen.skipped),
        files=seen.files,
    )


def _unusable(faults: Sequence[Skipped], rows: int, file: Path) -> UserError:
    return UserError(
        f"{len(faults):,} of {rows:,} rows of table '{file}' cannot be used. Correct or remove them, or leave them out "
        f"with option 'unreadable: skip'.{in_lines(faults)}"
    )


def _weights(table: "pd.DataFrame", column: str, file: Path) -> NDArray[np.float32]:
    weights = numbers_of(table, column, file, least=0)
    if not weights.any():
        raise UserError(f"All weights in column '{column}' of table '{file}' are 0: give some images a greater weight.")
    return weights


def _weight_notes(column: str | None) -> tuple[str, ...]:
    if column is None:
        return ()
    return (f"Column '{column}' of the table weights the images in training. Scores are not weighted.",)


def watched(*, path: str, root: str | None = None, picture: str = "path", **_: object) -> list[Path]:
    """The table, and the pictures in it."""
    file = user_path(path)
    folder = user_path(root) if root is not None else file.parent
    found: list[Path] = []
    # `load` reports a table that cannot be read.
    with suppress(UserError, KeyError):
        column = read_table(file)[picture]
        found = [folder / one.name for one in listed_pictures(column, ["any"] * len(column), folder)[0].values()]
    return [file, *found] if file.is_file() else []


def listed_pictures(
    paths: "pd.Series", labels: Iterable[Any], folder: Path
) -> tuple[dict[int, Picture], list[Skipped]]:
    """The pictures of the usable rows by row number, and the faults of the other rows."""
    pictures: dict[int, Picture] = {}
    faults = []
    seen: dict[str, int] = {}
    top = folder.absolute()
    for row, path, label in zip(paths.index.tolist(), paths, labels, strict=True):
        written = path.strip() if isinstance(path, str) else text_of(path)
        # Links are not resolved: a link of DVC leads to its cache.
        place = os.path.normpath(top / written.replace("\\", "/"))
        name = os.path.relpath(place, os.path.normpath(top))
        try:
            if not written:
                raise ValueError("path is empty")
            if not text_of(label):
                raise ValueError("label is empty")
            if name in seen:
                raise ValueError(f"same picture as in row {seen[name]}")
            seen[name] = row
            if PureWindowsPath(written).drive or name.startswith("../"):
                raise ValueError("outside the folder of option 'root'")
            pictures[row] = _picture(name, Path(place))
        except (ValueError, OSError) as problem:
            reason = problem.strerror if isinstance(problem, OSError) else str(problem)
            faults.append(Skipped(f"row {row} ({shown(written) or 'no path'})", str(reason)))
    return pictures, faults


def _picture(name: str, file: Path) -> Picture:
    """The picture in a file. Raises OSError or ValueError if there is no such file."""
    try:
        state = file.stat()
    except FileNotFoundError:
        raise ValueError("file does not exist") from None
    if not stat.S_ISREG(state.st_mode):
        raise ValueError("not a file")
    return Picture(name, 0, state.st_size, state.st_mtime_ns)


def _division(table: "pd.DataFrame", column: str, file: Path) -> Division:
    texts = texts_of(table, column, file)
    parts = parts_of(texts, among=f"values of column '{column}' of table '{file}'")
    if not parts:
        raise UserError(
            f"Column '{column}' of table '{file}' must hold a split: train, test and optionally validation. "
            f"Received {listed(set(texts))}."
        )
    return division_of([parts[text] for text in texts])
