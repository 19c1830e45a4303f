"""Output of the commands on the console."""

from collections.abc import Container, Sequence

from tabulate import tabulate


def say(line: str) -> None:
    """Print a line at once, even if the output is a file or a pipe."""
    print(line, flush=True)


def columns(rows: Sequence[Sequence[str]], *, right: Container[int] = ()) -> list[str]:
    """The lines of a table with aligned columns; `right` holds the numbers, from 0, of right-aligned columns.

    >>> for line in columns([("trial", "loss"), ("7", "0.25")], right=(1,)): print(line)
    trial  loss
    7      0.25
    """
    alignment = ["right" if number in right else "left" for number in range(max(map(len, rows), default=0))]
    table = tabulate(rows, tablefmt="plain", colalign=alignment, disable_numparse=True)
    return [line.rstrip() for line in table.split("\n")] if rows else []
