"""The report of the study on certainty: figures and text from its values."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from pipeline.reporting.content import metric_label
from pipeline.reporting.figures.style import BLUE, GREEN, MUTED, PALETTE, RULE, new_figure, styled
from pipeline.reporting.tables.text_table import Table
from pipeline.reporting.templates.rendering import template

LIMIT = 0.06
"""Of false alarms where 5 % are meant: what is above is too many."""


class Rate(NamedTuple):
    """Of simulated comparisons of models that are alike, the share in which some model is called better.

    `excluded` is the share in which the interval of some difference excludes 0.
    """

    world: str
    metric: str
    replicates: int
    groups: int
    simulations: int
    called: float
    excluded: float


class Coverage(NamedTuple):
    """The share of simulations in which the interval of a mean, and the bootstrap's percentiles, hold the true mean."""

    world: str
    metric: str
    replicates: int
    groups: int
    simulations: int
    ours: float
    percentiles: float


class Found(NamedTuple):
    """Of simulated comparisons of two models with a true difference, the share of each verdict.

    `wrong` is the share in which the worse model is called better.
    """

    replicates: int
    groups: int
    simulations: int
    margin: float
    difference: float
    better: float
    same: float
    wrong: float


def figures(alarms: tuple[Rate, ...], power: tuple[Found, ...]) -> dict[str, Figure]:
    """The figures by the name of their file."""
    return {"false-alarms": false_alarms_figure(alarms), "verdicts": verdicts_figure(power)}


@styled
def false_alarms_figure(alarms: tuple[Rate, ...]) -> Figure:
    """A point for each situation: how often models that are alike were told apart."""
    figure = new_figure(2.7)
    axes = figure.subplots()
    worlds = list(dict.fromkeys(one.world for one in alarms))
    for place, world in enumerate(worlds):
        shares = [one.called for one in alarms if one.world == world]
        axes.scatter(shares, [place] * len(shares), s=14, color=PALETTE[place % len(PALETTE)], alpha=0.6, linewidth=0)
    axes.axvline(0.05, color=MUTED, linewidth=0.8)
    axes.set_yticks(range(len(worlds)), worlds)
    axes.invert_yaxis()
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_xlim(-0.002, max(0.1, *(one.called + 0.005 for one in alarms)))
    axes.grid(axis="x", color=RULE)
    axes.set_title("Models that are alike, called different")
    return figure


@styled
def verdicts_figure(power: tuple[Found, ...]) -> Figure:
    """The shares of verdicts against the true difference, for each size of comparison."""
    figure = new_figure(3.6)
    sizes = list(dict.fromkeys((one.replicates, one.groups) for one in power))
    grid = figure.subplots(-(-len(sizes) // 2), 2, sharex=True, sharey=True, squeeze=False)
    for axes, (replicates, groups) in zip(grid.flat, sizes, strict=False):
        of_size = [one for one in power if (one.replicates, one.groups) == (replicates, groups)]
        of_size.sort(key=lambda one: one.difference)
        differences = [one.difference for one in of_size]
        axes.plot(differences, [one.better for one in of_size], color=BLUE, marker="o", markersize=3, label="better")
        axes.plot(
            differences, [one.same for one in of_size], color=GREEN, marker="s", markersize=3, label="practically same"
        )
        axes.axvline(of_size[0].margin, color=MUTED, linewidth=0.8)
        axes.set_title(f"{replicates} replicates, {groups} groups", fontweight="normal")
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.grid(axis="y", color=RULE)
    figure.legend(*grid.flat[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    figure.supxlabel("true difference in accuracy; the line is the margin", fontsize=8.5)
    return figure


def text(alarms: tuple[Rate, ...], intervals: tuple[Coverage, ...], power: tuple[Found, ...]) -> str:
    """The report as Markdown, its figures beside it."""
    return template("certainty.md.j2", autoescape=False).render(
        worst=max(alarms, key=lambda one: one.called),
        simulations=alarms[0].simulations,
        pooled=[_pooled(alarms, world) for world in dict.fromkeys(one.world for one in alarms)],
        limit=LIMIT,
        above=[one for one in alarms if one.called > LIMIT],
        repeated=[one for one in alarms if one.simulations > alarms[0].simulations],
        situations=len(alarms),
        error=_error,
        alarms_table=_alarms_table(alarms),
        intervals_table=_intervals_table(intervals),
        power_table=_power_table(power),
        at_margin=max(one.same for one in power if one.difference == one.margin),
        wrong=max(one.wrong for one in power),
    )


def _error(simulations: int) -> float:
    """Two standard errors of a share of 5 %."""
    return float(2 * (0.05 * 0.95 / simulations) ** 0.5)


class Pooled(NamedTuple):
    """All situations of one world that have enough replicates for a verdict: mean and largest share of false alarms."""

    world: str
    mean: float
    largest: float


def _pooled(alarms: tuple[Rate, ...], world: str) -> Pooled:
    shares = [one.called for one in alarms if one.world == world and one.replicates >= 6] or [0.0]
    return Pooled(world, sum(shares) / len(shares), max(shares))


def _alarms_table(alarms: tuple[Rate, ...]) -> Table:
    return Table(
        caption="Share of comparisons of models that are alike in which one is called better; in brackets that in "
        "which an interval of 95 % excludes no difference. * marks what was simulated again.",
        header=("world", "metric", "replicates", *(f"{groups} groups" for groups in _sizes(alarms))),
        rows=tuple(
            (world, metric_label(metric), str(replicates), *cells)
            for (world, metric, replicates), cells in _by_groups(
                alarms,
                lambda one: f"{one.called:.1%}{'*' * (one.simulations > alarms[0].simulations)} ({one.excluded:.1%})",
            ).items()
        ),
    )


def _intervals_table(intervals: tuple[Coverage, ...]) -> Table:
    return Table(
        caption="Share of intervals of 95 % that hold the true mean of a model; in brackets that of the bootstrap's "
        "percentiles.",
        header=("world", "metric", "replicates", *(f"{groups} groups" for groups in _sizes(intervals))),
        rows=tuple(
            (world, metric_label(metric), str(replicates), *cells)
            for (world, metric, replicates), cells in _by_groups(
                intervals, lambda one: f"{one.ours:.1%} ({one.percentiles:.1%})"
            ).items()
        ),
    )


def _sizes(measured: Sequence[Any]) -> list[int]:
    return sorted({one.groups for one in measured})


def _by_groups(measured: Sequence[Any], cell: Callable[[Any], str]) -> dict[tuple[str, str, int], list[str]]:
    rows: dict[tuple[str, str, int], dict[int, str]] = {}
    for one in measured:
        rows.setdefault((one.world, one.metric, one.replicates), {})[one.groups] = cell(one)
    sizes = _sizes(measured)
    return {key: [cells.get(groups, "–") for groups in sizes] for key, cells in rows.items()}


def _power_table(power: tuple[Found, ...]) -> Table:
    return Table(
        caption="Verdicts on two models by their true difference in accuracy; the margin is "
        f"{power[0].margin:g}. Wrong: the worse one is called better.",
        header=("replicates", "groups", "true difference", "better", "practically the same", "cannot be told", "wrong"),
        rows=tuple(
            (
                str(one.replicates),
                str(one.groups),
                f"{one.difference:.3f}",
                f"{one.better:.1%}",
                f"{one.same:.1%}",
                f"{max(0.0, 1 - one.better - one.same):.1%}",
                f"{one.wrong:.1%}",
            )
            for one in power
        ),
    )
