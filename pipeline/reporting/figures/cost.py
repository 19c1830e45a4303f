"""Score against cost, and the Pareto front of the models."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, FuncFormatter, LogLocator, NullFormatter, NullLocator

from pipeline.evaluation.metrics import LOWER_IS_BETTER
from pipeline.reporting.content import Comparison, metric_label
from pipeline.reporting.costs import Cost
from pipeline.reporting.figures.style import DASHED, MUTED, RULE, LineStyle, new_figure, styled
from pipeline.reporting.text import quantities


class CostPoint(NamedTuple):
    """One model: mean cost, mean and standard deviation of its scores (NaN for one), and the values per replicate."""

    model: str
    cost: float
    mean: float
    deviation: float
    costs: tuple[float, ...]
    scores: tuple[float, ...]


class CostPlot(NamedTuple):
    """The points of one figure, in the order of the comparison, and those on the Pareto front, cheapest first."""

    cost: Cost
    metric: str
    points: tuple[CostPoint, ...]
    front: tuple[CostPoint, ...]


def cost_plot(comparison: Comparison, cost: Cost) -> CostPlot:
    """Gather the models that have a place on the axes.

    A model is left out if its cost is 0 (the cost axis is logarithmic), if its mean score is not finite, or if its
    scores cannot be compared with those of the other models.
    """
    metric, points = comparison.primary_metric, []
    for model in comparison.comparable:
        scores = model.scores[metric]
        costs = tuple(map(float, model.costs[cost.key]))
        point = CostPoint(
            model=model.name,
            cost=model.mean_cost(cost.key),
            mean=quantities.mean(scores),
            deviation=quantities.deviation(scores),
            costs=costs * len(scores) if len(costs) == 1 else costs,
            scores=scores,
        )
        if point.cost > 0 and np.isfinite(point.mean):
            points.append(point)
    return CostPlot(cost, metric, tuple(points), pareto_front(points, lower_is_better=metric in LOWER_IS_BETTER))


def pareto_front(points: Sequence[CostPoint], *, lower_is_better: bool) -> tuple[CostPoint, ...]:
    """Return the Pareto-optimal points, cheapest first: no other point is at least as cheap and as good, but not equal.

    Points are compared by their mean scores, without regard to uncertainty.
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


@styled
def cost_figure(plot: CostPlot, styles: Mapping[str, LineStyle]) -> Figure:
    """Draw the score against the cost: large marks are means, small ones replicates, bars ± one standard deviation.

    A dashed line connects the Pareto front; the legend prints its models in bold.
    """
    figure = new_figure(3.4 + 0.18 * len(plot.points))
    axes = figure.subplots()
    axes.set_xscale("log")
    axes.margins(x=0.1, y=0.12)
    for point in plot.points:
        colour, marker, _ = styles[point.model]
        axes.plot(point.costs, point.scores, ls="", marker=marker, ms=3, mfc=colour, mec="none", alpha=0.45)
        axes.errorbar(point.cost, point.mean, np.nan_to_num(point.deviation), color=colour, lw=1.2)
        axes.plot(point.cost, point.mean, ls="", marker=marker, ms=7, mfc=colour, mec="none", label=point.model)
    axes.plot(
        [point.cost for point in plot.front],
        [point.mean for point in plot.front],
        drawstyle="steps-post",
        color=MUTED,
        lw=1.0,
        ls=DASHED,
        zorder=1,
        label="Pareto front",
    )
    _label_ticks(axes, plot)
    axes.set_xlabel(f"{plot.cost.label} {plot.cost.per}".strip())
    axes.set_ylabel(f"test {metric_label(plot.metric)}")
    axes.grid(color=RULE)
    axes.set_title(f"{quantities.capitalized(metric_label(plot.metric))} against {plot.cost.label}")
    legend = figure.legend(loc="outside lower center", ncols=_legend_columns(plot))
    optimal = {point.model for point in plot.front}
    for text in legend.get_texts():
        text.set_fontweight("bold" if text.get_text() in optimal else "normal")
    return figure


def _legend_columns(plot: CostPlot) -> int:
    """Two columns fit the width of a figure unless a name is long."""
    return 2 if max((len(point.model) for point in plot.points), default=0) <= 22 else 1


def _label_ticks(axes: Axes, plot: CostPlot) -> None:
    decades = np.ptp(np.log10([point.cost for point in plot.points])) if plot.points else 0.0
    if plot.points and not decades:
        # Equal costs span no range from which the axis could take its limits.
        axes.set_xlim(plot.points[0].cost / 2, plot.points[0].cost * 2)
    steps = (1.0, 2.0, 5.0) if decades < 1.7 else (1.0, 3.0) if decades < 2.6 else (1.0,)
    axes.xaxis.set_major_locator(LogLocator(subs=steps))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    if plot.cost.write in (quantities.duration, quantities.latency):
        engineering = EngFormatter(unit="s")
        # Times above a second stay in seconds: nobody reads 2 ks.
        seconds = FuncFormatter(lambda value, _: f"{value:,.0f} s" if value >= 1 else engineering(value))
        axes.xaxis.set_major_formatter(seconds)
    else:
        axes.xaxis.set_major_formatter(EngFormatter())
