"""Tables of rates by scenario, metric and size."""

from collections.abc import Callable, Sequence
from typing import Any

from pipeline.counts import number_of
from pipeline.reporting.content import metric_label
from pipeline.reporting.tables.text_table import Table


def rates_table(
    caption: str, measured: Sequence[Any], cell: Callable[[Any], str], *, row: str, column: str, of: str
) -> Table:
    """One row per scenario, metric and value of the attribute `row`, one column per value of the attribute `column`.

    `of` is the name of one unit of the columns, such as `group`.
    """
    sizes = sorted({getattr(one, column) for one in measured})
    rows: dict[tuple[str, str, int], dict[int, str]] = {}
    for one in measured:
        cells = rows.setdefault((one.scenario, one.metric, getattr(one, row)), {})
        cells[getattr(one, column)] = cell(one)
    return Table(
        caption=caption,
        header=("scenario", "metric", row, *(number_of(size, of) for size in sizes)),
        rows=tuple(
            (scenario, metric_label(metric), str(value), *(cells.get(size, "–") for size in sizes))
            for (scenario, metric, value), cells in rows.items()
        ),
    )
