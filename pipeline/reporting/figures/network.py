"""The drawing of a network: its layers from the input down, with their sizes, and the paths between them."""

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

# The first family one of whose words is part of a layer's kind is the layer's; colours by what a layer does.
FAMILIES = {
    OTHER: ("padding",),  # It has an "add" in it.
    "input": ("input",),
    "pooling": ("pool", "polyphase", "subsampling"),
    "locally connected": ("local",),
    "convolution": ("conv",),
    "fully connected": ("dense",),
    "joins paths": ("add", "concat", "multiply", "average", "maximum", "subtract"),
}
COLOURS = {
    "input": INK,
    "pooling": GREEN,
    "locally connected": SKY,
    "convolution": BLUE,
    "fully connected": ORANGE,
    "joins paths": PURPLE,
    OTHER: MUTED,
}

# Inches.
ROW, BOX, LANE, GAP = 0.44, 0.33, 0.15, 0.12
LANES = 3.6  # All of them; many lie closer together than LANE.

MOST_BOXES = 100
COLUMNS = ("output", "parameters", "mult.–acc.")


class Box(NamedTuple):
    """A layer as it is drawn: its family gives the colour, the three texts stand beside it."""

    name: str
    kind: str
    family: str
    output: str
    parameters: str
    multiply_accumulates: str


class Skip(NamedTuple):
    """A path past other layers, between the places of two boxes; the lane says how far out it runs, 0 innermost."""

    source: int
    target: int
    lane: int


class NetworkLayout(NamedTuple):
    """Boxes from the top down, the pairs of neighbours that are joined, and the paths that pass others by."""

    boxes: tuple[Box, ...]
    straight: tuple[tuple[int, int], ...]
    skips: tuple[Skip, ...]


def family(kind: str) -> str:
    """What a layer does, by its kind.

    >>> [family(kind) for kind in ("Conv2D", "GlobalAveragePooling2D", "Dense", "ZeroPadding2D")]
    ['convolution', 'pooling', 'fully connected', 'other']
    """
    return next((name for name, words in FAMILIES.items() if any(word in kind.lower() for word in words)), OTHER)


def network_layout(rows: Sequence[LayerRow]) -> NetworkLayout:
    """Boxes in the order of the rows, and a lane for every path that passes others by, short paths inside long ones.

    An input that is not among the rows before is no path here. Of more than 100 layers the first and the last are
    boxes, and those between them are one.
    """
    rows = _abridged(rows)
    places = {row.name: place for place, row in enumerate(rows)}
    paths = [
        (places[source], place)
        for place, row in enumerate(rows)
        for source in row.inputs
        if places.get(source, place) < place
    ]
    straight = tuple(path for path in paths if path[1] - path[0] == 1)
    return NetworkLayout(
        boxes=tuple(map(_box, rows)),
        straight=straight,
        skips=_in_lanes(sorted(set(paths) - set(straight))),
    )


def _abridged(rows: Sequence[LayerRow]) -> Sequence[LayerRow]:
    """The rows, with a single one for the middle of a network that is too large to be drawn."""
    if len(rows) <= MOST_BOXES:
        return rows
    start, end = MOST_BOXES // 2, len(rows) - MOST_BOXES // 2 + 1
    hidden = rows[start:end]
    gone = {row.name for row in hidden}
    total = totals(hidden)
    middle = replace(
        hidden[-1],
        name=f"… {quantities.count(len(hidden))} layers …",
        kind="not drawn",
        inputs=tuple(dict.fromkeys(source for row in hidden for source in row.inputs if source not in gone)),
        parameters=total.parameters,
        connections=total.connections,
        multiply_accumulates=total.multiply_accumulates,
        activations=total.activations,
    )
    last = [
        replace(row, inputs=tuple(middle.name if source in gone else source for source in row.inputs))
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
        quantities.magnitude(row.multiply_accumulates) if row.multiply_accumulates else "",
    )


def _in_lanes(paths: Sequence[tuple[int, int]]) -> tuple[Skip, ...]:
    taken: list[Skip] = []
    for source, target in sorted(paths, key=lambda path: (path[1] - path[0], path)):
        # Two paths may meet in a box, where one ends and the other begins, but not run along each other.
        occupied = {skip.lane for skip in taken if skip.source < target and source < skip.target}
        lane = next(lane for lane in range(len(paths)) if lane not in occupied)
        taken.append(Skip(source, target, lane))
    return tuple(sorted(taken))


def _text_width(texts: Sequence[str], size: float) -> float:
    """Width in inches of the widest text."""
    axes = new_figure(1).add_axes((0, 0, 1, 1))
    labels = [axes.text(0, 0, text, fontsize=size) for text in texts]
    return float(max((label.get_window_extent().width for label in labels), default=0) / axes.figure.dpi)


class _Plan(NamedTuple):
    """Inches: left edge of the boxes, from lane to lane, width of a box, right edges of the columns, whole width."""

    left: float
    lane: float
    box: float
    columns: tuple[float, ...]
    width: float


def _plan(layout: NetworkLayout) -> _Plan:
    lanes = max((skip.lane + 1 for skip in layout.skips), default=0)
    lane = min(LANE, LANES / max(lanes, 1))
    left = 0.1 + (lane * lanes + 0.1 if lanes else 0)
    box = max(_text_width([box.name for box in layout.boxes], 8), _text_width([b.kind for b in layout.boxes], 7)) + 0.2
    edges, edge = [], left + box
    for index, header in enumerate(COLUMNS):
        edge += _text_width([header, *(box[3 + index] for box in layout.boxes)], 8) + 2 * GAP
        edges.append(edge)
    return _Plan(left, lane, box, tuple(edges), edge + 0.1)


def _draw_box(axes: Axes, box: Box, plan: _Plan, middle: float) -> None:
    corner, colour = (plan.left, middle - BOX / 2), COLOURS[box.family]
    rounded = BoxStyle.Round(pad=0, rounding_size=0.05)
    axes.add_patch(FancyBboxPatch(corner, plan.box, BOX, boxstyle=rounded, fc=colour, ec="none", alpha=0.16))
    axes.add_patch(FancyBboxPatch(corner, plan.box, BOX, boxstyle=rounded, fc="none", ec=colour, lw=1.1))
    axes.text(plan.left + 0.1, middle + 0.065, box.name, fontsize=8, va="center")
    axes.text(plan.left + 0.1, middle - 0.08, box.kind, fontsize=7, va="center", color=MUTED)
    for edge, text in zip(plan.columns, box[3:], strict=True):
        axes.text(edge, middle, text, fontsize=8, ha="right", va="center")


def _draw_skip(axes: Axes, skip: Skip, plan: _Plan, middles: np.ndarray) -> None:
    out = plan.left - 0.1 - plan.lane * (skip.lane + 1)
    # A little below the middle where a path leaves, above it where one arrives: both can be seen in one box.
    top, bottom = middles[skip.source] - 0.07, middles[skip.target] + 0.07
    bend = min(0.14, (top - bottom) / 2)
    corners = [
        (plan.left, top),
        (out, top),
        (out, top - bend),
        (out, bottom + bend),
        (out, bottom),
        (plan.left, bottom),
    ]
    codes = [Path.MOVETO, Path.CURVE3, Path.CURVE3, Path.LINETO, Path.CURVE3, Path.CURVE3]
    arrow = FancyArrowPatch(
        path=Path(corners, codes), arrowstyle="-|>", mutation_scale=7, lw=1.0, color=PURPLE, fill=False
    )
    axes.add_patch(arrow)


@styled
def network_drawing(rows: Sequence[LayerRow]) -> Figure:
    """The layers in boxes from the input down; beside each its output shape, parameters and multiply–accumulates.

    Colour tells what a layer does; arcs on the left are paths that pass layers by. An empty cell is a zero.

    Raises:
        ValueError: no rows.
    """
    if not rows:
        raise ValueError("`rows` must hold at least one layer. Received none.")
    layout = network_layout(rows)
    plan = _plan(layout)
    families = [name for name in COLOURS if any(box.family == name for box in layout.boxes)]
    foot = 0.18 * -(-len(families) // 3) + 0.2
    height = 0.02 + ROW * (len(layout.boxes) + 1) + foot
    figure = new_figure(height, width=plan.width)
    figure.set_layout_engine("none")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, plan.width), ylim=(0, height))
    hide_axes(axes)

    middles = height - 0.42 - ROW * np.arange(len(layout.boxes))
    for edge, header in zip(plan.columns, COLUMNS, strict=True):
        axes.text(edge, height - 0.12, header, fontsize=7.5, ha="right", va="center", color=MUTED)
    for box, middle in zip(layout.boxes, middles, strict=True):
        _draw_box(axes, box, plan, float(middle))
    centre = plan.left + plan.box / 2
    for source, target in layout.straight:
        ends = (centre, middles[source] - BOX / 2), (centre, middles[target] + BOX / 2)
        axes.add_patch(
            FancyArrowPatch(*ends, arrowstyle="-|>", mutation_scale=6, lw=0.9, color=MUTED, shrinkA=0, shrinkB=0)
        )
    for skip in layout.skips:
        _draw_skip(axes, skip, plan, middles)

    ending = float(middles[-1]) - ROW * 0.75
    axes.plot([plan.left, plan.columns[-1]], [ending + 0.1] * 2, color=RULE, lw=0.8)
    total = totals(rows)
    sums = ("", quantities.count(total.parameters), quantities.magnitude(total.multiply_accumulates))
    for edge, text in zip(plan.columns, sums, strict=True):
        axes.text(edge, ending, text, fontsize=8, fontweight="bold", ha="right", va="center")
    axes.text(plan.left + 0.1, ending, "all layers", fontsize=8, fontweight="bold", va="center")
    handles = [Patch(fc=COLOURS[name], label=name) for name in families]
    axes.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(plan.left, 0.0),
        bbox_transform=axes.transData,
        ncols=min(3, len(families)),
        fontsize=7,
        borderaxespad=0.1,
        borderpad=0,
        handlelength=1,
        columnspacing=1.2,
    )
    return figure
