"""What a score costs: the primary metric against parameters, multiply–accumulates and training time."""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

from pipeline.evaluation.metrics import LOWER_IS_BETTER
from pipeline.reporting.content import Comparison, ModelResult, metric_label
from pipeline.reporting.figures.style import INK, MUTED, RULE, LineStyle, new_figure, styled
from pipeline.reporting.tables.models import comparison_rows
from pipeline.reporting.text import quantities
from pipeline.statistics.results import Certainty, Pair

COSTS = {
    "parameters": "parameters",
    "multiply_accumulates": "multiply–accumulates",
    "train_seconds": "training time",
    "seconds_per_image": "time per image",
}
OF = {"multiply_accumulates": " of an image", "train_seconds": " of a replicate"}
WRITTEN: dict[str, Callable[[float], str]] = {
    "parameters": quantities.magnitude,
    "multiply_accumulates": quantities.magnitude,
    "train_seconds": quantities.duration,
    "seconds_per_image": quantities.latency,
}


class CostPoint(NamedTuple):
    """One model: its cost, the mean of its scores and their standard deviation (NaN of one), and every replicate."""

    model: str
    cost: float
    mean: float
    deviation: float
    costs: tuple[float, ...]
    scores: tuple[float, ...]


def cost_points(comparison: Comparison, cost: str) -> tuple[CostPoint, ...]:
    """A point per model, in the order of the comparison; `cost` is one of `COSTS`.

    A model that costs nothing has no place on a logarithmic axis and is left out, as is one without a finite mean and
    one that was asked another question than the others.
    """
    asked = (model for model in comparison.models if model.question is None)
    points = (_cost_point(model, comparison.primary_metric, cost) for model in asked)
    return tuple(point for point in points if point.cost > 0 and np.isfinite(point.mean))


def _cost_point(model: ModelResult, metric: str, cost: str) -> CostPoint:
    scores = tuple(model.scores[metric])
    measured = getattr(model, cost)
    costs = tuple(map(float, measured)) if isinstance(measured, tuple) else (float(measured),) * len(scores)
    return CostPoint(
        model.name, quantities.mean(costs), quantities.mean(scores), quantities.deviation(scores), costs, scores
    )


def pareto_front(points: Sequence[CostPoint], *, lower_is_better: bool) -> tuple[CostPoint, ...]:
    """The points than which no other is both cheaper and better by its mean, or one of these and as good in the other.

    The cheapest comes first; means are taken as they are, so chance has its say in who is on the front.
    """
    sign = -1 if lower_is_better else 1

    def dominated(point: CostPoint) -> bool:
        return any(
            one.cost <= point.cost
            and sign * one.mean >= sign * point.mean
            and (one.cost, one.mean) != (point.cost, point.mean)
            for one in points
        )

    return tuple(sorted((point for point in points if not dominated(point)), key=lambda point: point.cost))


def front_in_words(front: Sequence[CostPoint], cost: str, certainty: Certainty) -> str:
    """Who is on the front, and for each step up whether the dearer is known to be better."""
    write = WRITTEN[cost]
    if len(front) == 1:
        (only,) = front
        if len(certainty.estimates) < 2:
            return f"By {COSTS[cost]}: {only.model} ({write(only.cost)})."
        beaten = sum(pair.verdict == "better" and pair.first == only.model for pair in certainty.pairs)
        return (
            f"By {COSTS[cost]}: {only.model} alone ({write(only.cost)}); no other is cheaper or has a better mean. "
            f"It is known to be better than {_part(beaten, len(certainty.estimates) - 1)}."
        )
    named = quantities.listed([f"{point.model} ({write(point.cost)})" for point in front])
    steps = [
        f"{dear.model} takes {_times(dear.cost / cheap.cost)} as much as {cheap.model} and "
        f"{_worth(certainty.pair(dear.model, cheap.model))}"
        for cheap, dear in pairwise(front)
    ]
    return f"By {COSTS[cost]}: {named}. {'; '.join(steps)}."


def _times(ratio: float) -> str:
    return f"{ratio:.{0 if ratio >= 10 else 1 if ratio >= 1.1 else 2}f} times"


def _part(beaten: int, others: int) -> str:
    if others == 1:
        return "the other one" if beaten else "no other"
    return f"{'each' if beaten == others else beaten or 'none'} of the {others} others"


def _worth(pair: Pair) -> str:
    words = {"better": "is better", "same": "is practically the same", "open": "is not known to be better"}
    return words[pair.verdict]


def label_positions(
    anchors: np.ndarray, sizes: np.ndarray, area: tuple[float, float], *, obstacles: np.ndarray
) -> np.ndarray:
    """Where to write labels beside their points so that they neither overlap nor leave the area.

    Greedy: label by label, the best of a ring of places (right, left, above, below, then farther out). This is done
    in several orders, by the sides of the drawing, and the best of them is taken.

    Args:
        anchors: the points, shape (n, 2), in pixels.
        sizes: width and height of each label, shape (n, 2), in pixels.
        area: width and height of the drawing; its lower left corner is (0, 0).
        obstacles: boxes not to write on, shape (m, 4): left, bottom, right, top, in pixels.

    Returns:
        The lower left corner of each label, shape (n, 2).
    """
    keys = (np.arange(len(anchors)), anchors[:, 0], -anchors[:, 0], anchors[:, 1], -anchors[:, 1])
    tries = [_placed(anchors, sizes, area, obstacles, np.argsort(key, kind="stable")) for key in keys]
    return min(tries, key=lambda attempt: attempt[0])[1]


def _placed(
    anchors: np.ndarray, sizes: np.ndarray, area: tuple[float, float], obstacles: np.ndarray, order: np.ndarray
) -> tuple[float, np.ndarray]:
    """How bad the places are that the labels get in this order, and their lower left corners."""
    taken, corners, badness = list(obstacles), np.empty((len(anchors), 2)), 0.0
    for index in order:
        places, gaps = _places(anchors[index], sizes[index])
        boxes = np.hstack([places, places + sizes[index]])
        outside = _areas(boxes) - _areas(np.clip(boxes, 0, [*area, *area]))
        overlap = sum((_shared(boxes, other) for other in taken), np.zeros(len(boxes)))
        # Rounded, so that the same figure has its labels in the same places on every machine.
        cost = np.round(overlap + 4 * outside + 3 * gaps + 400 * _misleading(boxes, anchors, index), 3)
        best = int(np.argmin(cost))
        taken.append(boxes[best])
        corners[index] = places[best]
        badness += float(cost[best])
    return badness, corners


def _places(anchor: np.ndarray, size: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lower left corners of a label around its point, nearest first, and their distance from it in pixels."""
    half = size / 2
    directions = [(1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1)]
    ring = [(gap, x, y) for gap in (8, 14, 24, 36, 50) for x, y in directions]
    corners = [anchor - half + np.array([x * (half[0] + gap), y * (half[1] + gap)]) for gap, x, y in ring]
    return np.array(corners), np.array([gap for gap, _, _ in ring])


def _misleading(boxes: np.ndarray, anchors: np.ndarray, own: int) -> np.ndarray:
    """Whether a label there would lie nearer to another's point than to its own: one for each box."""
    nearest = np.clip(anchors[:, None], boxes[:, :2], boxes[:, 2:])
    distances = np.linalg.norm(nearest - anchors[:, None], axis=2)
    return np.asarray((distances < distances[own]).any(axis=0))


def _areas(boxes: np.ndarray) -> np.ndarray:
    return np.asarray(np.prod(np.clip(boxes[:, 2:] - boxes[:, :2], 0, None), axis=1))


def _shared(boxes: np.ndarray, other: np.ndarray) -> np.ndarray:
    sides = np.minimum(boxes[:, 2:], other[2:]) - np.maximum(boxes[:, :2], other[:2])
    return np.asarray(np.prod(np.clip(sides, 0, None), axis=1))


def _write_labels(figure: Figure, axes: Axes, points: Sequence[CostPoint], front: Sequence[CostPoint]) -> None:
    labels = [
        axes.annotate(
            point.model,
            (point.cost, point.mean),
            fontsize=8,
            color=INK,
            fontweight="bold" if point in front else "normal",
        )
        for point in points
    ]
    for label in labels:
        label.set_in_layout(False)
    figure.draw_without_rendering()
    origin, corner = axes.get_window_extent().get_points()
    anchors = axes.transData.transform([(point.cost, point.mean) for point in points]) - origin
    sizes = np.array([label.get_window_extent().size for label in labels])
    extents = [*(_extent(axes, point) for point in points), *_steps(axes, front)]
    obstacles = np.array(extents) - [*origin, *origin]
    corners = label_positions(anchors, sizes, tuple(corner - origin), obstacles=obstacles)
    inches = figure.dpi_scale_trans.inverted()
    for label, anchor, place, size in zip(labels, anchors, corners, sizes, strict=True):
        offset = inches.transform(place - anchor) * 72
        label.set_position(tuple(offset))
        label.anncoords = "offset points"
        label.set_verticalalignment("bottom")
        nearest = np.clip(anchor, place, place + size)
        if np.hypot(*(nearest - anchor)) > 16:
            axes.plot(
                *axes.transData.inverted().transform(np.array([anchor, nearest]) + origin).T,
                color=MUTED,
                lw=0.5,
                zorder=1,
            )


def _extent(axes: Axes, point: CostPoint) -> tuple[float, ...]:
    """The box that a point's marks and bar fill, in pixels of the figure."""
    bar = np.nan_to_num(point.deviation)
    ends = [
        (point.cost, point.mean - bar),
        (point.cost, point.mean + bar),
        *zip(point.costs, point.scores, strict=False),
    ]
    pixels = axes.transData.transform(ends)
    return (*(pixels.min(axis=0) - 4), *(pixels.max(axis=0) + 4))


def _steps(axes: Axes, front: Sequence[CostPoint]) -> list[tuple[float, ...]]:
    """The boxes that the lines along the front fill, in pixels of the figure."""
    corners = [
        ((cheap.cost, cheap.mean), (dear.cost, cheap.mean), (dear.cost, dear.mean)) for cheap, dear in pairwise(front)
    ]
    lines = [axes.transData.transform(ends) for one, two, three in corners for ends in ((one, two), (two, three))]
    return [(*(pixels.min(axis=0) - 2), *(pixels.max(axis=0) + 2)) for pixels in lines]


@styled
def cost_figure(points: Sequence[CostPoint], cost: str, metric: str, styles: Mapping[str, LineStyle]) -> Figure:
    """The metric against a cost on a logarithmic axis: large marks means, small ones replicates, bars ± deviation.

    A dashed line steps along the Pareto front, whose models are named in bold.
    """
    figure = new_figure(3.4)
    axes = figure.subplots()
    axes.set_xscale("log")
    axes.margins(x=0.2, y=0.16)
    for point in points:
        colour, marker, _ = styles[point.model]
        axes.plot(point.costs, point.scores, ls="", marker=marker, ms=3, mfc=colour, mec="none", alpha=0.45)
        if np.isfinite(point.deviation):
            low, high = point.mean - point.deviation, point.mean + point.deviation
            axes.plot([point.cost] * 2, [low, high], color=colour, lw=1.2)
        axes.plot(point.cost, point.mean, ls="", marker=marker, ms=7, mfc=colour, mec="none")
    front = pareto_front(points, lower_is_better=metric in LOWER_IS_BETTER)
    axes.plot(
        [point.cost for point in front],
        [point.mean for point in front],
        drawstyle="steps-post",
        color=MUTED,
        lw=1.0,
        ls=(0, (4, 3)),
        zorder=1,
    )
    _label_ticks(axes, [point.cost for point in points], cost)
    axes.set_xlabel(COSTS[cost] + OF.get(cost, ""))
    axes.set_ylabel(f"test {metric_label(metric)}")
    axes.grid(color=RULE)
    axes.set_title(f"{metric_label(metric)[:1].upper()}{metric_label(metric)[1:]} against {COSTS[cost]}")
    if points:
        _write_labels(figure, axes, points, front)
    return figure


def _label_ticks(axes: Axes, costs: Sequence[float], cost: str) -> None:
    decades = np.ptp(np.log10(costs)) if costs else 0.0
    between = (1.0, 2.0, 5.0) if decades < 1.7 else (1.0, 3.0) if decades < 2.6 else (1.0,)
    axes.xaxis.set_major_locator(LogLocator(subs=between))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    write = WRITTEN[cost] if cost in ("parameters", "multiply_accumulates") else _short_time
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: write(value).replace(".0 ", " ")))


def _short_time(seconds: float) -> str:
    if seconds < 1e-3:
        return f"{seconds * 1e6:.3g} µs"
    return f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{seconds:g} s"


class Spread(NamedTuple):
    """Scores of all models, replicate by replicate: shape (models, replicates), rows in the table's order."""

    models: tuple[str, ...]
    scores: np.ndarray


def spread(comparison: Comparison) -> Spread:
    """The primary metric of every replicate; NaN where a model has fewer replicates than another.

    A model that was asked another question than the others has no place among them, unless all were.
    """
    asked = {model.name for model in comparison.models if model.question is None}
    rows = [row for row in comparison_rows(comparison) if row.model in asked or not asked]
    scores = np.full((len(rows), max(len(row.values) for row in rows)), np.nan)
    for place, row in enumerate(rows):
        scores[place, : len(row.values)] = row.values
    return Spread(tuple(row.model for row in rows), scores)


@styled
def spread_figure(values: Spread, metric: str, styles: Mapping[str, LineStyle]) -> Figure:
    """A line of marks per model, one mark a replicate and a bar at the mean; grey lines join the same replicate.

    The same replicate of every model was trained and tested on the same images: where the grey lines run side by side,
    the images make the difference between replicates, not the models.
    """
    models, scores = values
    figure = new_figure(1.1 + 0.42 * len(models))
    axes = figure.subplots()
    heights = np.arange(len(models))[::-1]
    axes.plot(scores, heights, color=RULE, lw=0.9, zorder=1)
    for model, height, row in zip(models, heights, scores, strict=True):
        colour, marker, _ = styles[model]
        axes.plot(row, [height] * len(row), ls="", marker=marker, ms=5, mfc=colour, mec="none", alpha=0.75)
        if np.isfinite(row).any():
            axes.plot([np.nanmean(row)] * 2, [height - 0.28, height + 0.28], color=INK, lw=1.6)
    axes.set_yticks(heights, models)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(-0.6, len(models) - 0.4)
    axes.set_xlabel(f"test {metric_label(metric)}")
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    axes.set_title("Every replicate", loc="left")
    return figure
