"""Palette, style and file formats of all figures.

The palette is that of Okabe and Ito (2008, *Color universal design*). It stays distinguishable for readers with the
common colour vision deficiencies. No module here uses pyplot, so no figure is kept in a global state.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from typing import NamedTuple

import matplotlib
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

INK = "#1b1f24"
MUTED = "#68707b"
RULE = "#d3d8de"
GROUND = "#fffffe"
"""Text on a strong colour; the page shows it in the colour of its background."""

BLUE, VERMILLION, GREEN, PURPLE = "#0072b2", "#d55e00", "#009e73", "#cc79a7"
ORANGE, SKY = "#e69f00", "#56b4e9"
# Without their yellow, which is invisible on white.
PALETTE = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, INK)
# Eight markers and seven colours: the pairs repeat only after 56 models.
MARKERS = ("o", "s", "D", "^", "v", "P", "X", "p")
LINES = ("-", "--", ":", "-.")
DASHED = (0, (4, 3))
"""Line of a reference, such as the diagonal of a ROC curve."""

OTHER_SCRIPTS = (
    "Noto Sans CJK SC", "Noto Sans CJK JP", "PingFang SC", "Hiragino Sans", "Microsoft YaHei", "WenQuanYi Zen Hei",
    "Noto Sans Devanagari", "Noto Sans Bengali", "Noto Sans Thai", "Arial Unicode MS", "Droid Sans Fallback", "Unifont",
)  # fmt: skip
"""Fonts for letters that DejaVu Sans lacks, such as those of Chinese names of classes."""

WIDTH = 4.2
"""Inches: the width of a phone. Wide pages show several figures side by side, so text has one size everywhere."""

STYLE = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 8.5,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 8.5,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "axes.axisbelow": True,
    "axes.facecolor": "none",
    "axes.titlecolor": INK,
    "axes.unicode_minus": True,
    "text.color": INK,
    "text.usetex": False,
    "text.parse_math": False,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "figure.dpi": 100,
    "figure.facecolor": "white",
    "savefig.bbox": None,
    "svg.fonttype": "none",
    "svg.hashsalt": "convtrack",
    "svg.id": None,
}

styled = matplotlib.rc_context(STYLE)  # type: ignore[arg-type]
"""Decorator of every drawing function: apply `STYLE` and override the user's matplotlibrc."""


class LineStyle(NamedTuple):
    """Colour, marker and dashes of one model, the same in every figure."""

    colour: str
    marker: str
    line: str


def line_styles(models: Sequence[str]) -> dict[str, LineStyle]:
    """Assign a colour, a marker and a line to each model in turn; the lines of the first seven are solid.

    >>> line_styles(["lenet5", "resnet8"])["resnet8"]
    LineStyle(colour='#d55e00', marker='s', line='-')
    """
    return {
        model: LineStyle(
            PALETTE[index % len(PALETTE)],
            MARKERS[index % len(MARKERS)],
            LINES[index // len(PALETTE) % len(LINES)],
        )
        for index, model in enumerate(models)
    }


def new_figure(height: float, *, width: float = WIDTH) -> Figure:
    """Return an empty figure on an Agg canvas, which can measure text. `height` and `width` are in inches."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def square_axes(title: str, x: str, y: str) -> tuple[Figure, Axes]:
    """Return a figure with square axes from 0 to 1, their title and their labels."""
    figure = new_figure(4.3)
    axes = figure.subplots()
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xlabel=x, ylabel=y, aspect="equal")
    axes.grid(color=RULE)
    axes.set_title(title)
    return figure, axes


def panel_grid(panels: int, *, most: int = 7) -> tuple[int, int]:
    """Return rows and columns of small panels: at most `most` columns, in rows as equal as possible.

    >>> [panel_grid(panels) for panels in (1, 7, 8, 15)]
    [(1, 1), (1, 7), (2, 4), (3, 5)]
    """
    rows = -(-panels // most)
    return rows, -(-panels // rows)


def panel_title(axes: Axes, title: str, *, width: float = 2.0) -> None:
    """Title a small panel; a long title is small enough for its width in inches."""
    axes.set_title(title, fontsize=min(9.5, 75 * width / max(len(title), 1)))


def hide_axes(axes: Axes) -> None:
    """Remove ticks and spines, keep what is drawn inside the axes."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)


@styled
def png_bytes(figure: Figure, *, dpi: int = 160) -> bytes:
    """Return the figure as PNG on white. Equal figures give equal bytes."""
    buffer = BytesIO()
    installed = {font.name for font in font_manager.fontManager.ttflist}
    fonts = [*STYLE["font.sans-serif"], *(name for name in OTHER_SCRIPTS if name in installed)]  # type: ignore[misc]
    # By default the file contains the version of Matplotlib, so every update would change the report.
    with _letters_may_be_missing(), matplotlib.rc_context({"font.sans-serif": fonts}):
        figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()


@styled
def svg_text(figure: Figure) -> str:
    """Return the figure as one SVG element with a transparent background and selectable text.

    Equal figures give equal text.
    """
    buffer = BytesIO()
    omitted = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with _letters_may_be_missing():
        figure.savefig(buffer, format="svg", transparent=True, metadata=omitted)
    text = buffer.getvalue().decode()
    return text[text.index("<svg") :]


@contextmanager
def _letters_may_be_missing() -> Iterator[None]:
    """Ignore warnings about letters without a font: a browser finds one for SVG, and a PNG shows a box."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph \d+", UserWarning)
        yield
