"""The splits of the study as a table of all cells, so that others can repeat them without this project."""

from collections.abc import Iterator

import numpy as np

from pipeline.studies.solar_cells.solar_candidates import DRAWS, Study, compared_cells

COLUMNS = (
    *("cell", "type", "probability", "module", "tuning"),
    *(f"module_{draw}" for draw in range(1, DRAWS + 1)),
    *(f"random_{draw}" for draw in range(1, DRAWS + 1)),
    *(f"random_four_{draw}" for draw in range(1, DRAWS + 1)),
)
"""`tuning` is 1 for a cell that the split by module never tests. A split is 0 for training, 1 validation and 2 test."""


def cell_rows(study: Study) -> Iterator[tuple[str, ...]]:
    """A row for each cell in the order of the data set, with the columns of `COLUMNS`."""
    four = study.random_four
    splits = np.concatenate([study.modules.splits, study.random.splits, four.splits])
    compared = compared_cells(study.modules)
    thirds, kinds = ("0", "1/3", "2/3", "1"), np.asarray(study.modules.subgroups)
    for cell, name in enumerate(four.names):
        yield (
            str(name),
            str(kinds[cell]),
            thirds[four.labels[cell]],
            str(study.modules.groups[cell]),
            str(int(not compared[cell])),
            *map(str, splits[:, cell].tolist()),
        )


def cells_csv(study: Study) -> str:
    """The table as CSV with a header."""
    return "".join(",".join(row) + "\n" for row in (COLUMNS, *cell_rows(study)))
