"""What the commands tell a person."""

from collections.abc import Container, Sequence


def say(line: str) -> None:
    """Print a line at once, also where the output is a file."""
    print(line, flush=True)


def columns(rows: Sequence[Sequence[str]], *, right: Container[int] = ()) -> list[str]:
    """A table as lines of text; the columns with these numbers, from 0, stand to the right.

    >>> for line in columns([("trial", "loss"), ("7", "0.25")], right=(1,)): print(line)
    trial  loss
    7      0.25
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if place in right else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
