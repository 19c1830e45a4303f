"""Pictures listed in a table, CSV or Parquet: one row per picture with its path and its class.

Further columns may hold groups, parts of a split, weights, a subgroup, and numbers that belong to a picture.
"""

import csv
import os
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any, Unpack

import numpy as np
from pydantic import Field

from pipeline.data.images import LabelledImages, Skipped
from pipeline.data.labelling import Division, division_of, labels_of, parts_of
from pipeline.data.pictures.decoded import Picture
from pipeline.data.pictures.picture_options import PictureOptions, read
from pipeline.errors import UserError, unknown

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 10
"""At most this many faulty rows are named in a message."""

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
        split: the column with its part: train, validation or test. Then this division is kept.
        weight: the column with the weight of each picture in training.
        subgroup: the column with a further label, such as the type of a device.
        numbers: columns with numbers that belong to each picture, an input of some networks.
        positive: the class that scores such as recall refer to, by default the rarer of two classes.
        options: how pictures are read.

    Raises:
        UserError: the table, a column or a picture is missing or invalid.
    """
    file = Path(path).expanduser()
    folder = Path(root).expanduser() if root is not None else file.parent
    if not folder.is_dir():
        raise UserError(f"Folder '{folder}' of data source table does not exist: set option 'root' to it.")
    table = _read_table(file)
    named = [picture, label, *(name for name in (group, split, weight, subgroup) if name is not None), *numbers]
    for name in named:
        if name not in table.columns:
            raise unknown(f"column of table '{file}'", name, map(str, table.columns))
    pictures, rows, faults = _pictures(table, folder, picture, label)
    if faults and (options.get("unreadable", "stop") == "stop" or not pictures):
        listed = "".join(f"\n  {fault.name}: {fault.reason}" for fault in faults[:SHOWN])
        more = f"\n  and {len(faults) - SHOWN:,} more" if len(faults) > SHOWN else ""
        raise UserError(
            f"{len(faults):,} of {len(table):,} rows of table '{file}' cannot be used. Correct or remove them, or "
            f"leave them out with option 'unreadable: skip'.{listed}{more}"
        )
    seen = read(folder, pictures, options)
    table = table.iloc[[row for row, good in zip(rows, seen.readable, strict=True) if good]]
    names = np.array([one.name for one, good in zip(pictures, seen.readable, strict=True) if good])
    classes, labels, notes = labels_of([_text(value) for value in table[label]], positive)
    division = Division() if split is None else _division(table, split, file)
    return LabelledImages(
        pixels=seen.pixels,
        labels=labels,
        classes=classes,
        groups=names if group is None else _texts(table, group, file),
        subgroups=None if subgroup is None else _texts(table, subgroup, file),
        names=names,
        source="table",
        licence="not stated",
        attribution=f"Pictures: {file.name}",
        notes=(*seen.notes, *notes, *division.notes),
        test=division.test,
        validation=division.validation,
        weights=None if weight is None else _numbers(table, (weight,), file, least=0)[:, 0],
        numbers=_numbers(table, numbers, file) if numbers else None,
        number_names=numbers,
        skipped=(*faults, *seen.skipped),
        files=seen.files,
    )


def watched(*, path: str, root: str | None = None, **_: object) -> list[Path]:
    """The table and all files below the folder of its pictures."""
    file = Path(path).expanduser()
    folder = Path(root).expanduser() if root is not None else file.parent
    return [file, *sorted(one for one in folder.rglob("*") if one.is_file() and one != file)]


def _read_table(file: Path) -> "pd.DataFrame":
    """The table with texts as they are written; row i has index i."""
    import pandas as pd

    if not file.is_file():
        raise UserError(
            f"Table '{file}' of data source table does not exist: set option 'path' to a CSV or Parquet file."
        )
    try:
        if file.suffix.lower() in {".parquet", ".pq"}:
            table = pd.read_parquet(file)
        else:
            with file.open(encoding="utf-8-sig", newline="") as stream:
                start = stream.read(65536)
            table = pd.read_csv(
                file, sep=_separator(start), dtype=str, keep_default_na=False, encoding="utf-8-sig", engine="python"
            )
    except UnicodeDecodeError:
        raise UserError(f"Table '{file}' must be encoded in UTF-8: save it as UTF-8.") from None
    except Exception as error:
        reason = " ".join(str(error).split())
        raise UserError(f"Table '{file}' cannot be read: {reason}. Save it as CSV or Parquet again.") from None
    table.columns = [str(name).strip() for name in table.columns]
    repeated = table.columns[table.columns.duplicated()]
    if len(repeated):
        raise UserError(f"Table '{file}' has two columns '{repeated[0]}': rename one.")
    if table.empty:
        raise UserError(f"Table '{file}' has no rows: add a row for each picture.")
    return table.reset_index(drop=True)


def _separator(start: str) -> str:
    """The most frequent separator in the first line."""
    header = start.partition("\n")[0]
    return max(",;\t", key=lambda separator: len(next(csv.reader([header], delimiter=separator), [])))


def _pictures(
    table: "pd.DataFrame", folder: Path, picture: str, label: str
) -> tuple[list[Picture], list[int], list[Skipped]]:
    """The pictures of the usable rows, these rows, and the faults of the others, with the row numbers of the file."""
    pictures, rows, faults = [], [], []
    seen: dict[str, int] = {}
    top = os.path.realpath(folder)
    for row, (path, name) in enumerate(zip(table[picture], table[label], strict=True)):
        written = _text(path)
        relative = PurePosixPath(written.replace("\\", "/")).as_posix()
        file = folder / relative
        number = row + 2  # The header is line 1.
        reason = None
        if not written:
            reason = "the path is empty"
        elif not _text(name):
            reason = "the label is empty"
        elif relative in seen:
            reason = f"it repeats the picture of row {seen[relative]}"
        elif os.path.commonpath([top, os.path.realpath(file)]) != top:
            reason = "the picture is outside the folder of the table (option 'root')"
        elif not file.is_file():
            reason = "the file does not exist"
        seen.setdefault(relative, number)
        if reason is None:
            state = file.stat()
            pictures.append(Picture(relative, 0, state.st_size, state.st_mtime_ns))
            rows.append(row)
        else:
            faults.append(Skipped(f"row {number} ({written or 'no path'})", reason))
    return pictures, rows, faults


def _text(value: Any) -> str:
    """The text of a cell; a missing value is empty, and a whole number has no decimal point."""
    if value is None or value != value:
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()


def _texts(table: "pd.DataFrame", column: str, file: Path) -> Any:
    texts = [_text(value) for value in table[column]]
    _check_complete(texts, table, column, file)
    return np.array(texts)


def _check_complete(texts: list[str], table: "pd.DataFrame", column: str, file: Path) -> None:
    empty = [int(row) + 2 for row, text in zip(table.index, texts, strict=True) if not text]
    if empty:
        raise UserError(
            f"Column '{column}' of table '{file}' is empty in {len(empty):,} rows, first in row {empty[0]}: fill it."
        )


def _division(table: "pd.DataFrame", column: str, file: Path) -> Division:
    texts = [_text(value) for value in table[column]]
    _check_complete(texts, table, column, file)
    parts = parts_of(set(texts), among=f"values of column '{column}' of table '{file}'")
    if not parts:
        raise UserError(
            f"Column '{column}' of table '{file}' must name parts of a split, train and test or validation. "
            f"Received {', '.join(sorted(set(texts))[:SHOWN])}."
        )
    return division_of([parts[text] for text in texts])


def _numbers(table: "pd.DataFrame", columns: tuple[str, ...], file: Path, *, least: float | None = None) -> Any:
    import pandas as pd

    values = []
    for column in columns:
        numbers = pd.to_numeric(table[column], errors="coerce").to_numpy(np.float64)
        wrong = ~np.isfinite(numbers) | (False if least is None else numbers < least)
        if wrong.any():
            row = int(table.index[wrong][0])
            rule = "numbers" if least is None else f"numbers of at least {least:g}"
            raise UserError(
                f"Column '{column}' of table '{file}' must hold {rule}. "
                f"Received {table[column][row]!r} in row {row + 2}."
            )
        values.append(numbers)
    return np.stack(values, axis=1).astype(np.float32)
