"""The figure of the benchmarks: the ratio of our time to each peer's, and its goal."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from matplotlib.figure import Figure

from benchmarks.measurements import Measurement
from pipeline.reporting.figures.style import BLUE, INK, MUTED, RULE, VERMILLION, new_figure, styled, svg_text


class Ratio(NamedTuple):
    """A point of the figure: its name, its value with the extremes of the rounds, and its goal."""

    name: str
    value: float
    low: float
    high: float
    goal: float


def ratios(measurements: Iterable[Measurement]) -> list[Ratio]:
    """The measurements that are ratios of times to those of a peer and have a goal, in order."""
    return [
        Ratio(
            one.name.replace("`", ""),
            one.value,
            one.value if one.low is None else one.low,
            one.value if one.high is None else one.high,
            one.goal,
        )
        for one in measurements
        if one.unit == "×" and one.value is not None and one.goal is not None and not one.higher_is_better
    ]


@styled
def ratio_figure(points: Sequence[Ratio]) -> Figure:
    """Draw a line per ratio, with the range of the rounds and the goal."""
    figure = new_figure(0.9 + 0.2 * max(len(points), 1), width=6.3)
    axes = figure.subplots()
    axes.axvline(1, color=MUTED, linewidth=0.8)
    for row, point in enumerate(points):
        met = point.value <= point.goal
        colour = BLUE if met else VERMILLION
        axes.plot([point.low, point.high], [row, row], color=colour, linewidth=1.2)
        axes.plot([point.value], [row], "o" if met else "s", color=colour, markersize=4.5)
        axes.plot([point.goal], [row], "|", color=INK, markersize=9)
    axes.set_yticks(range(len(points)), [point.name for point in points])
    axes.set_xscale("log")
    axes.set_xticks(ticks := [0.125, 0.25, 0.5, 1, 2], [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.grid(axis="x", color=RULE)
    axes.set(xlabel="our time / peer's time (bar: goal; square: missed)", ylim=(max(len(points), 1) - 0.5, -0.5))
    return figure


def figure_svg(points: Sequence[Ratio]) -> str:
    """The figure as SVG that can stand alone in a file."""
    return svg_text(ratio_figure(points)) + "\n"
