"""A table of text, and its Markdown."""

import html
import re
from typing import NamedTuple

from tabulate import tabulate


class Table(NamedTuple):
    """A caption, a header, and rows with one cell per column; the first cell names its row.

    `keys` holds the numbers behind the cells, in the same places. A page sorts by them: NaN sorts last, None sorts by
    the text of the cell. Without keys every cell sorts by its text. `prose` holds the numbers, from 0, of columns of
    sentences, which are left-aligned and may need several lines.
    """

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    keys: tuple[tuple[float | None, ...], ...] = ()
    prose: tuple[int, ...] = ()


def escaped(text: str) -> str:
    r"""Escape text so that Markdown shows it unchanged, also in a table cell; line breaks become spaces.

    >>> print(escaped("a|b <i> fully_connected *x*"))
    a\|b \<i\> fully_connected \*x\*
    """
    marked = re.sub(r"([\\`*\[\]<>|~#$])", r"\\\1", " ".join(text.split()))
    # At the beginning of a line, these would start a list.
    marked = re.sub(r"^(\d*)([-+.)]\s)", r"\1\\\2", marked)
    # An underscore inside a word needs no escape: `fully_connected` stays readable in the source.
    return re.sub(r"(?<!\w)_|_(?!\w)", r"\\_", marked).replace("&", "&amp;")


def code(text: str) -> str:
    """Text as code, also in a table cell; escaped text if code cannot show it.

    >>> print(code("training.epochs"), code("a`b"))
    `training.epochs` a\\`b
    """
    return escaped(text) if re.search(r"[`|\n]", text) else f"`{text}`"


def escaped_in_html(text: str) -> str:
    """Escape text between HTML tags of a Markdown page, where Markdown itself is not read.

    >>> escaped_in_html("a|b <i> & *x*")
    'a|b &lt;i&gt; &amp; *x*'
    """
    return html.escape(" ".join(text.split()), quote=False)


def markdown(table: Table) -> str:
    """Return the table in GitHub's Markdown below its caption.

    All columns but the first and those of prose are right-aligned.

    >>> print(markdown(Table("Sums", ("term", "sum"), (("1 + 1", "2"),))))
    Sums
    <BLANKLINE>
    | term   |   sum |
    |:-------|------:|
    | 1 + 1  |     2 |
    """
    rows = [[escaped(cell) for cell in row] for row in (table.header, *table.rows)]
    aligned = ["left" if column in (0, *table.prose) else "right" for column in range(len(table.header))]
    text = tabulate(rows, headers="firstrow", tablefmt="pipe", colalign=aligned, disable_numparse=True)
    return f"{escaped(table.caption)}\n\n{text}"
