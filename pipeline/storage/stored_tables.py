"""Read tables in CSV files of runs, with a clear message for a missing or damaged one."""

from pathlib import Path

import pandas as pd

from pipeline.storage.files import damaged, existing


def read_table(file: Path, *columns: str) -> pd.DataFrame:
    """Return the table in a CSV file, which must have these columns.

    Raises:
        UserError: the file is missing, is not a table, or lacks a column.
    """
    try:
        table = pd.read_csv(existing(file))
    except ValueError:  # As for an empty file, a text that is not UTF-8, and rows of different lengths.
        raise damaged(file) from None
    if not set(columns) <= set(table.columns):
        raise damaged(file)
    return table
