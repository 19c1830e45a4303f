"""The neutral form of a report: sections of text, tables and figures, which is rendered as HTML and as Markdown."""

from typing import Literal, NamedTuple, TypeAlias

from matplotlib.figure import Figure

from pipeline.reporting.tables.interval_bars import IntervalBars
from pipeline.reporting.tables.pairs import Duel
from pipeline.reporting.tables.text_table import Table


class Paragraph(NamedTuple):
    """A paragraph; the answer and warnings stand out."""

    text: str
    role: Literal["text", "answer", "warning"] = "text"
    kind: str = "paragraph"


class Link(NamedTuple):
    """A link in a line of its own."""

    text: str
    address: str
    kind: str = "link"


class Bullets(NamedTuple):
    """A bulleted list."""

    items: tuple[str, ...]
    kind: str = "bullets"


class Terms(NamedTuple):
    """Terms with their meanings; long ones flow in columns if there is space."""

    items: tuple[tuple[str, str], ...]
    columns: bool = False
    kind: str = "terms"


class Commands(NamedTuple):
    """Commands for a shell, one per line."""

    text: str
    kind: str = "commands"


class TableBlock(NamedTuple):
    """A table, which HTML makes sortable; HTML also draws `bars` below the texts of the given column."""

    table: Table
    bars: IntervalBars | None = None
    bar_column: int = 0
    kind: str = "table"


class Square(NamedTuple):
    """Every model against every other; HTML shows the duels in coloured cells, Markdown the table."""

    table: Table
    rows: dict[str, tuple[Duel | None, ...]]
    kind: str = "square"


class Picture(NamedTuple):
    """A figure, the name of its file without ending, and its description for people who cannot see it."""

    name: str
    alternative: str
    figure: Figure


class Pictures(NamedTuple):
    """Figures side by side; small ones are half as wide."""

    pictures: tuple[Picture, ...]
    small: bool = False
    kind: str = "pictures"


class Image(NamedTuple):
    """A PNG image with a title, the name of its file without ending, and its description."""

    title: str
    name: str
    alternative: str
    png: bytes


class Images(NamedTuple):
    """Images side by side, each below its title."""

    images: tuple[Image, ...]
    kind: str = "images"


class Fold(NamedTuple):
    """Blocks that a click on the summary shows and hides."""

    summary: str
    blocks: "tuple[Block, ...]"
    opened: bool = False
    kind: str = "fold"


Block: TypeAlias = Paragraph | Link | Bullets | Terms | Commands | TableBlock | Square | Pictures | Images | Fold


class Section(NamedTuple):
    """A heading and the blocks below it; `anchor` is its id in HTML."""

    anchor: str
    heading: str
    blocks: tuple[Block, ...]


class Document(NamedTuple):
    """A report: the title, the blocks above the first section, and the sections."""

    title: str
    lead: tuple[Block, ...]
    sections: tuple[Section, ...]
