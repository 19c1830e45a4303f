"""The layer diagram of a network: layers from top to bottom, their output shapes, costs and connections."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import BoxStyle, FancyArrowPatch, FancyBboxPatch, Patch
from matplotlib.path import Path

from pipeline.arithmetic.table import LayerRow, totals
from pipeline.reporting.figures.style import (
    BLUE,
    GREEN,
    INK,
    MUTED,
    ORANGE,
    PURPLE,
    RULE,
    SKY,
    hide_axes,
    new_figure,
    styled,
)
from pipeline.reporting.text import quantities

OTHER = "other"

FAMILIES = {
    OTHER: ("padding", "padded"),  # First, because these words contain "add".
    "input": ("input",),
    "pooling": ("pool", "polyphase", "subsampling"),
    "locally connected": ("local",),
    "convolution": ("conv",),
    "fully connected": ("dense",),
    "merging": ("add", "concat", "multiply", "average", "maximum", "subtract"),
}
"""Words in the class name of a layer, by family; the first family with a match applies."""
COLOURS = {
    "input": INK,
    "pooling": GREEN,
    "locally connected": SKY,
    "convolution": BLUE,
    "fully connected": ORANGE,
    "merging": PURPLE,
    OTHER: MUTED,
}

# Inches.
ROW, BOX, LANE, GAP = 0.44, 0.33, 0.15, 0.12
LANES = 3.6  # Largest width of all lanes; many lanes are narrower than LANE.

MOST_BOXES = 100
COLUMNS = ("output", "parameters", "mult.–acc.")


class Box(NamedTuple):
    """A layer as drawn: the family selects the colour; the last three texts fill the columns on the right."""

    name: str
    kind: str
    family: str
    output: str
    parameters: str
    multiply_accumulates: str


class SkipConnection(NamedTuple):
    """A connection that bypasses layers, between two box indices; lane 0 is closest to the boxes."""

    source: int
    target: int
    lane: int


class LayerDiagram(NamedTuple):
    """Boxes from top to bottom, the connected pairs of neighbours, and the connections that bypass layers.

    `parameters` and `multiply_accumulates` are the sums over all layers.
    """

    boxes: tuple[Box, ...]
    straight: tuple[tuple[int, int], ...]
    skips: tuple[SkipConnection, ...]
    parameters: str
    multiply_accumulates: str


def family(kind: str) -> str:
    """Classify a layer by the name of its class.

    >>> [family(kind) for kind in ("Conv2D", "GlobalAveragePooling2D", "Dense", "ZeroPadding2D")]
    ['convolution', 'pooling', 'fully connected', 'other']
    """
    return next((name for name, words in FAMILIES.items() if any(word in kind.lower() for word in words)), OTHER)


def layer_diagram(rows: Sequence[LayerRow]) -> LayerDiagram:
    """Arrange the layers in boxes and assign a lane to every connection that bypasses layers, short ones inside.

    Inputs without an earlier row are ignored. In networks of more than 100 layers, the middle layers share one box.

    Raises:
        ValueError: no rows.
    """
    if not rows:
        raise ValueError("`rows` must contain at least one layer. Received none.")
    total = totals(rows)
    rows = _abridged(rows)
    places = {row.name: place for place, row in enumerate(rows)}
    paths = [
        (places[source], place)
        for place, row in enumerate(rows)
        for source in row.inputs
        if places.get(source, place) < place
    ]
    straight = tuple(path for path in paths if path[1] - path[0] == 1)
    return LayerDiagram(
        boxes=tuple(map(_box, rows)),
        straight=straight,
        skips=_in_lanes(sorted(set(paths) - set(straight))),
        parameters=quantities.count(total.parameters),
        multiply_accumulates=("≥ " if total.uncounted else "") + quantities.magnitude(total.multiply_accumulates),
    )


def _abridged(rows: Sequence[LayerRow]) -> Sequence[LayerRow]:
    """Replace the middle rows of a very deep network by a single row."""
    if len(rows) <= MOST_BOXES:
        return rows
    start, end = MOST_BOXES // 2, len(rows) - MOST_BOXES // 2 + 1
    hidden = rows[start:end]
    hidden_names = {row.name for row in hidden}
    total = totals(hidden)
    middle = replace(
        hidden[-1],
        name=f"… {quantities.count(len(hidden))} layers …",
        kind="not drawn",
        inputs=tuple(dict.fromkeys(source for row in hidden for source in row.inputs if source not in hidden_names)),
        parameters=total.parameters,
        connections=total.connections,
        multiply_accumulates=total.multiply_accumulates,
        activations=total.activations,
    )
    last = [
        replace(row, inputs=tuple(middle.name if source in hidden_names else source for source in row.inputs))
        for row in rows[end:]
    ]
    return [*rows[:start], middle, *last]


def _box(row: LayerRow) -> Box:
    return Box(
        row.name,
        row.kind,
        family(row.kind),
        " × ".join(map(str, row.output_shape)),
        quantities.count(row.parameters) if row.parameters else "",
        _cost(row),
    )


def _cost(row: LayerRow) -> str:
    if row.multiply_accumulates is None:
        return "?"
    return quantities.magnitude(row.multiply_accumulates) if row.multiply_accumulates else ""


def _in_lanes(paths: Sequence[tuple[int, int]]) -> tuple[SkipConnection, ...]:
    placed: list[SkipConnection] = []
    for source, target in sorted(paths, key=lambda path: (path[1] - path[0], path)):
        # A connection may begin in the box where another one ends, but they must not overlap.
        occupied = {skip.lane for skip in placed if skip.source < target and source < skip.target}
        lane = next(lane for lane in range(len(paths)) if lane not in occupied)
        placed.append(SkipConnection(source, target, lane))
    return tuple(sorted(placed))


def _text_width(texts: Sequence[str], size: float) -> float:
    """Return the width of the widest text in inches."""
    axes = new_figure(1).add_axes((0, 0, 1, 1))
    labels = [axes.text(0, 0, text, fontsize=size) for text in texts]
    return float(max((label.get_window_extent().width for label in labels), default=0) / axes.figure.dpi)


class _Dimensions(NamedTuple):
    """In inches: left edge of the boxes, lane spacing, box width, right edges of the columns, and total width."""

    left: float
    lane: float
    box: float
    columns: tuple[float, ...]
    width: float


def _dimensions(diagram: LayerDiagram) -> _Dimensions:
    lanes = max((skip.lane + 1 for skip in diagram.skips), default=0)
    lane = min(LANE, LANES / max(lanes, 1))
    left = 0.1 + (lane * lanes + 0.1 if lanes else 0)
    box = (
        max(_text_width([box.name for box in diagram.boxes], 8), _text_width([b.kind for b in diagram.boxes], 7)) + 0.2
    )
    edges, edge = [], left + box
    for index, header in enumerate(COLUMNS):
        edge += _text_width([header, *(box[3 + index] for box in diagram.boxes)], 8) + 2 * GAP
        edges.append(edge)
    return _Dimensions(left, lane, box, tuple(edges), edge + 0.1)


def _draw_box(axes: Axes, box: Box, sizes: _Dimensions, middle: float) -> None:
    corner, colour = (sizes.left, middle - BOX / 2), COLOURS[box.family]
    rounded = BoxStyle.Round(pad=0, rounding_size=0.05)
    axes.add_patch(FancyBboxPatch(corner, sizes.box, BOX, boxstyle=rounded, fc=colour, ec="none", alpha=0.16))
    axes.add_patch(FancyBboxPatch(corner, sizes.box, BOX, boxstyle=rounded, fc="none", ec=colour, lw=1.1))
    axes.text(sizes.left + 0.1, middle + 0.065, box.name, fontsize=8, va="center")
    axes.text(sizes.left + 0.1, middle - 0.08, box.kind, fontsize=7, va="center", color=MUTED)
    for edge, text in zip(sizes.columns, box[3:], strict=True):
        axes.text(edge, middle, text, fontsize=8, ha="right", va="center")


def _draw_skip(axes: Axes, skip: SkipConnection, sizes: _Dimensions, middles: np.ndarray) -> None:
    out = sizes.left - 0.1 - sizes.lane * (skip.lane + 1)
    # Connections leave below the middle of a box and arrive above it, so that both are visible.
    top, bottom = middles[skip.source] - 0.07, middles[skip.target] + 0.07
    bend = min(0.14, (top - bottom) / 2)
    corners = [
        (sizes.left, top),
        (out, top),
        (out, top - bend),
        (out, bottom + bend),
        (out, bottom),
        (sizes.left, bottom),
    ]
    codes = [Path.MOVETO, Path.CURVE3, Path.CURVE3, Path.LINETO, Path.CURVE3, Path.CURVE3]
    arrow = FancyArrowPatch(
        path=Path(corners, codes), arrowstyle="-|>", mutation_scale=7, lw=1.0, color=PURPLE, fill=False
    )
    axes.add_patch(arrow)


@styled
def layer_diagram_figure(diagram: LayerDiagram) -> Figure:
    """Draw the boxes; beside each its output shape, parameters and multiply–accumulates, empty where they are zero.

    Colours show what a layer does; arcs on the left are connections that bypass layers.
    """
    sizes = _dimensions(diagram)
    families = [name for name in COLOURS if any(box.family == name for box in diagram.boxes)]
    foot = 0.18 * -(-len(families) // 3) + 0.2
    height = 0.02 + ROW * (len(diagram.boxes) + 1) + foot
    figure = new_figure(height, width=sizes.width)
    figure.set_layout_engine("none")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, sizes.width), ylim=(0, height))
    hide_axes(axes)

    middles = height - 0.42 - ROW * np.arange(len(diagram.boxes))
    for edge, header in zip(sizes.columns, COLUMNS, strict=True):
        axes.text(edge, height - 0.12, header, fontsize=7.5, ha="right", va="center", color=MUTED)
    for box, middle in zip(diagram.boxes, middles, strict=True):
        _draw_box(axes, box, sizes, float(middle))
    centre = sizes.left + sizes.box / 2
    for source, target in diagram.straight:
        ends = (centre, middles[source] - BOX / 2), (centre, middles[target] + BOX / 2)
        axes.add_patch(
            FancyArrowPatch(*ends, arrowstyle="-|>", mutation_scale=6, lw=0.9, color=MUTED, shrinkA=0, shrinkB=0)
        )
    for skip in diagram.skips:
        _draw_skip(axes, skip, sizes, middles)
    _draw_totals(axes, diagram, sizes, float(middles[-1]) - ROW * 0.75)
    _draw_legend(axes, families, sizes)
    return figure


def _draw_totals(axes: Axes, diagram: LayerDiagram, sizes: _Dimensions, middle: float) -> None:
    axes.plot([sizes.left, sizes.columns[-1]], [middle + 0.1] * 2, color=RULE, lw=0.8)
    axes.text(sizes.left + 0.1, middle, "total", fontsize=8, fontweight="bold", va="center")
    sums = ("", diagram.parameters, diagram.multiply_accumulates)
    for edge, text in zip(sizes.columns, sums, strict=True):
        axes.text(edge, middle, text, fontsize=8, fontweight="bold", ha="right", va="center")


def _draw_legend(axes: Axes, families: Sequence[str], sizes: _Dimensions) -> None:
    axes.legend(
        handles=[Patch(fc=COLOURS[name], label=name) for name in families],
        loc="lower left",
        bbox_to_anchor=(sizes.left, 0.0),
        bbox_transform=axes.transData,
        ncols=min(3, len(families)),
        fontsize=7,
        borderaxespad=0.1,
        borderpad=0,
        handlelength=1,
        columnspacing=1.2,
    )
