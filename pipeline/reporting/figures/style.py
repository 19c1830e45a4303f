"""What all figures share: palette, style, and bytes that are the same for the same figure.

The palette is Okabe and Ito's (2008, *Color universal design*), which people with any of the usual colour
vision deficiencies can tell apart. Nothing here touches pyplot: a figure belongs to whoever made it.
"""

from collections.abc import Sequence
from io import BytesIO
from typing import NamedTuple

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

INK = "#1b1f24"
MUTED = "#68707b"
RULE = "#d3d8de"

BLUE, VERMILLION, GREEN, PURPLE = "#0072b2", "#d55e00", "#009e73", "#cc79a7"
ORANGE, SKY = "#e69f00", "#56b4e9"
# Their yellow is left out: on white it cannot be seen.
PALETTE = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, INK)
# One marker more than colours: the pairs repeat only after 56 models.
MARKERS = ("o", "s", "D", "^", "v", "P", "X", "p")
LINES = ("-", "--", ":", "-.")

# A figure is as wide as a phone, so that its text is as large there as everywhere: pages set several side by side.
WIDTH = 4.2

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
"""Decorator of every drawing function: ours is the style, whatever the user's matplotlibrc says."""


class Look(NamedTuple):
    """How a model is drawn, in every figure alike."""

    colour: str
    marker: str
    line: str


def looks(models: Sequence[str]) -> dict[str, Look]:
    """A colour, a marker and a line for each model, by its place in the comparison; the first seven have solid lines.

    >>> looks(["lenet5", "resnet8"])["resnet8"]
    Look(colour='#d55e00', marker='s', line='-')
    """
    return {
        model: Look(
            PALETTE[index % len(PALETTE)],
            MARKERS[index % len(MARKERS)],
            LINES[index // len(PALETTE) % len(LINES)],
        )
        for index, model in enumerate(models)
    }


def new_figure(height: float, *, width: float = WIDTH) -> Figure:
    """An empty figure, sides in inches, on an Agg canvas that can measure text."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def hide_axes(axes: Axes) -> None:
    """Leave nothing of the axes but what is drawn in them."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)


@styled
def png_bytes(figure: Figure, *, dpi: int = 160) -> bytes:
    """The figure as PNG on white; the same figure gives the same bytes."""
    buffer = BytesIO()
    # By default the file names the version of Matplotlib: a report would change with it.
    figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()


@styled
def svg_text(figure: Figure) -> str:
    """The figure as one SVG element on a transparent ground, its text as text; the same figure gives the same text."""
    buffer = BytesIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    text = buffer.getvalue().decode()
    return text[text.index("<svg") :]
