"""Tables in CSV or Parquet files, with the number of each row in its file for messages."""

import csv
import warnings
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipeline.data.images import printable
from pipeline.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

PARQUET = frozenset({".parquet", ".pq"})
SPREADSHEETS = frozenset({".xls", ".xlsx", ".ods", ".numbers"})
SEPARATORS = ",;\t|"
LARGEST = 1e18
"""Greater numbers would overflow when a network standardises them in single precision."""


def read_table(file: Path) -> "pd.DataFrame":
    """The table with texts as they are written. The index holds the numbers of the rows, as a spreadsheet shows them.

    Rows without any text are left out.

    Raises:
        UserError: the file is missing, damaged or empty, is no table, or two columns have one name.
    """
    if not file.is_file():
        raise UserError(f"Table '{file}' does not exist: set option 'path' to a CSV or Parquet file.")
    if file.suffix.lower() in SPREADSHEETS:
        raise UserError(f"Table '{file}' is a spreadsheet: save it as CSV, encoded in UTF-8, and set option 'path'.")
    try:
        table = _read_parquet(file) if file.suffix.lower() in PARQUET else _read_csv(file)
        # Texts of a Parquet file are decoded when they are used.
        filled = [any(list(map(text_of, row))) for row in table.itertuples(index=False)]
    except UserError:
        raise
    except UnicodeDecodeError:
        raise UserError(f"Table '{file}' must be encoded in UTF-8: save it as UTF-8.") from None
    except Exception as error:  # Both readers raise many types, for damaged files also MemoryError and OSError.
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"Table '{file}' cannot be read ({reason}): save it as CSV or Parquet again.") from None
    if not any(filled):
        raise UserError(f"Table '{file}' has no rows: add a row for each picture.")
    return table.loc[filled]


def text_of(value: Any) -> str:
    """The text of a cell in one line; a missing value is empty, and a whole number has no decimal point."""
    if isinstance(value, str):
        return printable(value.strip())
    if value is None or value is np.nan or (isinstance(value, float) and value != value):
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    text = str(value).strip()
    return "" if text in ("NaT", "<NA>") else printable(text)


def texts_of(table: "pd.DataFrame", column: str, file: Path) -> list[str]:
    """The texts of a column.

    Raises:
        UserError: a cell is empty.
    """
    texts = [text_of(value) for value in table[column]]
    empty = [row for row, text in zip(table.index.tolist(), texts, strict=True) if not text]
    if empty:
        raise UserError(
            f"Column '{column}' of table '{file}' is empty in {len(empty):,} rows, first in row {empty[0]}: fill it."
        )
    return texts


def numbers_of(table: "pd.DataFrame", column: str, file: Path, *, least: float | None = None) -> NDArray[np.float32]:
    """The numbers of a column.

    Raises:
        UserError: a cell is no finite number, lower than `least`, or so large that its square exceeds single precision.
    """
    import pandas as pd

    cells = table[column]
    if cells.dtype == object:
        # As texts, because pandas refuses columns of lists and of other objects with errors of its own.
        cells = pd.Series([text_of(value) for value in cells])
    numbers = pd.to_numeric(cells, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    wrong = ~(np.abs(numbers) <= LARGEST) | (False if least is None else numbers < least)
    if wrong.any():
        row = table.index[wrong][0]
        rule = f"numbers with a decimal point, {'up to' if least is None else f'from {least:g} to'} {LARGEST:g}"
        raise UserError(
            f"Column '{column}' of table '{file}' must hold {rule}. "
            f"Received '{text_of(table[column][row])}' in row {row}."
        )
    return np.asarray(numbers, np.float32)


def _read_csv(file: Path) -> "pd.DataFrame":
    import pandas as pd

    with file.open(encoding="utf-8-sig", newline="") as stream:
        lines = list(islice(stream, 1))
    if not lines:
        raise UserError(f"Table '{file}' is empty: add a header and a row for each picture.")
    separator = max(SEPARATORS, key=lambda one: len(next(csv.reader(lines, delimiter=one))))
    _check_distinct([name.strip() for name in next(csv.reader(lines, delimiter=separator))], file)
    _check_lengths(file, separator)
    with warnings.catch_warnings():
        # pandas only warns about rows with more cells than the header, and drops these cells.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        table = pd.read_csv(
            file,
            sep=separator,
            dtype=str,
            keep_default_na=False,
            encoding="utf-8-sig",
            index_col=False,
            skip_blank_lines=False,
        )
    table.columns = [str(name).strip() for name in table.columns]
    table.index = pd.RangeIndex(2, len(table) + 2)  # The header is row 1.
    return table


def _check_lengths(file: Path, separator: str) -> None:
    """Refuse rows with more cells than the header. pandas does not state which rows these are."""
    with file.open(encoding="utf-8-sig", newline="") as stream:
        rows = csv.reader(stream, delimiter=separator)
        header = len(next(rows))
        for number, row in enumerate(rows, 2):
            if len(row) > header:
                raise UserError(
                    f"Row {number} of table '{file}' has {len(row)} cells, but the header has {header}: put quotation "
                    f"marks around texts that contain '{separator}', or remove cells."
                )


def _read_parquet(file: Path) -> "pd.DataFrame":
    import pandas as pd

    table = pd.read_parquet(file).reset_index(drop=True)
    table.columns = [str(name).strip() for name in table.columns]
    _check_distinct(list(table.columns), file)
    table.index = pd.RangeIndex(1, len(table) + 1)
    return table


def _check_distinct(names: list[str], file: Path) -> None:
    repeated = [name for name in names if name and names.count(name) > 1]
    if repeated:
        raise UserError(f"Table '{file}' has two columns '{printable(repeated[0])}': rename one.")
