"""Exported networks beside the original: a table for readers, and values for programs."""

import csv
import io
from collections.abc import Callable, Mapping
from typing import NamedTuple

from pipeline.deployment.export_measurements import BATCHES, Exported, Measured
from pipeline.reporting.tables.text_table import Table
from pipeline.reporting.text import quantities


class Quantity(NamedTuple):
    """A measured quantity: its key in files and in MLflow, its heading in tables, its value and its format."""

    key: str
    heading: str
    value: Callable[[int, Measured], float]
    shown: Callable[[float], str]


def _latency(size: int) -> Quantity:
    images = "1 image" if size == 1 else f"{size} images"
    return Quantity(
        f"seconds_batch_{size}", f"time of {images}", lambda _, found: found.seconds[size], quantities.latency
    )


QUANTITIES = (
    Quantity("accuracy", "accuracy", lambda _, found: found.accuracy, "{:.4f}".format),
    Quantity("difference", "largest difference", lambda _, found: found.difference, "{:.1e}".format),
    Quantity("changed", "changed classes", lambda _, found: found.changed, quantities.whole),
    *(_latency(size) for size in BATCHES),
    Quantity("bytes", "size", lambda size, _: size, quantities.storage),
)


def measured_values(row: Exported) -> dict[str, float]:
    """The values of a row by the key of the quantity; none without measurements."""
    if row.measured is None:
        return {}
    return {quantity.key: quantity.value(row.size, row.measured) for quantity in QUANTITIES}


def exports_table(rows: Mapping[str, Exported], caption: str) -> Table:
    """The table of rows by format; – marks what is unknown, because the export failed."""
    shown = []
    for name, row in rows.items():
        values = measured_values(row)
        cells = (quantity.shown(values[quantity.key]) if values else "–" for quantity in QUANTITIES)
        shown.append((name, row.runtime, *cells))
    header = ("format", "runtime", *(quantity.heading for quantity in QUANTITIES))
    return Table(caption, header, tuple(shown), prose=(1,))


def exports_csv(rows: Mapping[str, Exported]) -> str:
    """The rows in full precision, with the problem of a failed export in the last column."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["format", "runtime", *(quantity.key for quantity in QUANTITIES), "problem"])
    for name, row in rows.items():
        values = measured_values(row)
        writer.writerow([name, row.runtime, *(values.get(one.key, "") for one in QUANTITIES), row.problem])
    return text.getvalue()
