"""The neutral form of a report: sections of text, tables and figures, which is rendered as HTML and as Markdown."""

from typing import Literal, NamedTuple, TypeAlias

from matplotlib.figure import Figure

from pipeline.reporting.tables.text_table import Table


class Paragraph(NamedTuple):
    """A paragraph; the answer, its support and warnings stand out."""

    text: str
    role: Literal["text", "answer", "support", "warning"] = "text"
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
    """A table, which HTML makes sortable."""

    table: Table
    kind: str = "table"


class Matrix(NamedTuple):
    """A table of every model against every other; HTML colours each cell by its name in `standings`."""

    table: Table
    standings: tuple[tuple[str, ...], ...]
    kind: str = "matrix"


class Picture(NamedTuple):
    """A figure, the name of its file without ending, and its description for people who cannot see it."""

    name: str
    alternative: str
    figure: Figure
    kind: str = "picture"


class Image(NamedTuple):
    """A PNG image with a title, the name of its file without ending, and its description."""

    title: str
    name: str
    alternative: str
    png: bytes


class Images(NamedTuple):
    """Images side by side, each below its title; `large` ones contain text."""

    images: tuple[Image, ...]
    large: bool = False
    kind: str = "images"


class Fold(NamedTuple):
    """Blocks that a click on the summary shows and hides."""

    summary: str
    blocks: "tuple[Block, ...]"
    kind: str = "fold"


class Beside(NamedTuple):
    """Two blocks side by side on a wide page, else one below the other."""

    blocks: "tuple[Block, ...]"
    kind: str = "beside"


Block: TypeAlias = (
    Paragraph | Link | Bullets | Terms | Commands | TableBlock | Matrix | Picture | Images | Fold | Beside
)


class Section(NamedTuple):
    """A folded part of the report: its id in HTML, its heading, its blocks, and what to expect in a few words."""

    anchor: str
    heading: str
    blocks: tuple[Block, ...]
    hint: str = ""


class Document(NamedTuple):
    """A report: the title, the blocks above the first section, and the sections."""

    title: str
    lead: tuple[Block, ...]
    sections: tuple[Section, ...]
