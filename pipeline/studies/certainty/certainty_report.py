"""Figures and text of the study on certainty."""

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from pipeline.reporting.figures.style import BLUE, GREEN, MUTED, PALETTE, RULE, new_figure, styled
from pipeline.reporting.tables.text_table import Table
from pipeline.reporting.templates.rendering import template
from pipeline.studies.certainty.error_rates import LIMIT, Coverage, FalseAlarms, VerdictShares
from pipeline.studies.certainty.fold_errors import FoldErrors, FoldPower, LookErrors
from pipeline.studies.certainty.fold_report import design_panels, designs_figure, errors_table, looks_table, power_table
from pipeline.studies.certainty.rates_table import rates_table

BY_GROUPS = {"row": "replicates", "column": "groups", "of": "group"}
FEWEST = 6
"""With fewer replicates, the sign-flip test cannot reach the level of 5 %."""


class VerdictPanel(NamedTuple):
    """Shares of verdicts against the true difference, for one number of replicates and groups."""

    title: str
    differences: tuple[float, ...]
    better: tuple[float, ...]
    same: tuple[float, ...]
    margin: float


class ScenarioSummary(NamedTuple):
    """Mean and largest false-alarm rate of one scenario, over all sizes with enough replicates for a verdict."""

    scenario: str
    mean: float
    largest: float


class Measured(NamedTuple):
    """All results of the study."""

    alarms: Sequence[FalseAlarms]
    intervals: Sequence[Coverage]
    power: Sequence[VerdictShares]
    fold_errors: Sequence[FoldErrors]
    fold_power: Sequence[FoldPower]
    looks: Sequence[LookErrors]


def figures(measured: Measured) -> dict[str, Figure]:
    """Return the figures of the report by file name."""
    return {
        "false-alarms": false_alarms_figure(rates_by_scenario([*measured.alarms, *measured.fold_errors])),
        "verdicts": verdicts_figure(verdict_panels(measured.power)),
        "designs": designs_figure(design_panels(measured.fold_power)),
    }


def rates_by_scenario(alarms: Sequence[FalseAlarms | FoldErrors]) -> dict[str, tuple[float, ...]]:
    """Return the false-alarm rates of each scenario, one per size; the name of a scenario with folds says so."""
    rates: dict[str, tuple[float, ...]] = {}
    for one in alarms:
        name = f"folds: {one.scenario}" if isinstance(one, FoldErrors) else one.scenario
        rates[name] = (*rates.get(name, ()), one.called)
    return rates


@styled
def false_alarms_figure(rates: dict[str, tuple[float, ...]]) -> Figure:
    """Draw one row per scenario and one point per size; the vertical line is the nominal rate."""
    figure = new_figure(3.6)
    axes = figure.subplots()
    for row, shares in enumerate(rates.values()):
        axes.scatter(shares, [row] * len(shares), s=14, color=PALETTE[row % len(PALETTE)], alpha=0.6, linewidth=0)
    axes.axvline(0.05, color=MUTED, linewidth=0.8)
    axes.set_yticks(range(len(rates)), list(rates))
    axes.invert_yaxis()
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_xlim(-0.002, max(0.1, *(share + 0.005 for shares in rates.values() for share in shares)))
    axes.grid(axis="x", color=RULE)
    axes.set_xlabel("false-alarm rate; the line is the nominal 5 %")
    axes.set_title("False alarms on equally good models")
    return figure


def verdict_panels(power: Sequence[VerdictShares]) -> tuple[VerdictPanel, ...]:
    """Group the verdicts by replicates and groups, and sort them by the true difference."""
    panels = []
    for replicates, groups in dict.fromkeys((one.replicates, one.groups) for one in power):
        of_size = [one for one in power if (one.replicates, one.groups) == (replicates, groups)]
        of_size.sort(key=lambda one: one.difference)
        panels.append(
            VerdictPanel(
                title=f"{replicates} replicates, {groups} groups",
                differences=tuple(one.difference for one in of_size),
                better=tuple(one.better for one in of_size),
                same=tuple(one.same for one in of_size),
                margin=of_size[0].margin,
            )
        )
    return tuple(panels)


@styled
def verdicts_figure(panels: Sequence[VerdictPanel]) -> Figure:
    """Draw the shares of the verdicts against the true difference, one panel per size."""
    figure = new_figure(3.6)
    grid = figure.subplots(-(-len(panels) // 2), 2, sharex=True, sharey=True, squeeze=False)
    for axes, panel in zip(grid.flat, panels, strict=False):
        axes.plot(panel.differences, panel.better, color=BLUE, marker="o", markersize=3, label="better")
        axes.plot(panel.differences, panel.same, color=GREEN, marker="s", markersize=3, label="practically the same")
        axes.axvline(panel.margin, color=MUTED, linewidth=0.8)
        axes.set_title(panel.title, fontweight="normal")
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.grid(axis="y", color=RULE)
    figure.legend(*grid.flat[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    figure.supxlabel("true difference in accuracy; the vertical line is the margin", fontsize=8.5)
    figure.supylabel("share of comparisons", fontsize=8.5)
    return figure


def text(measured: Measured) -> str:
    """Return the report as Markdown; the figures are expected in the same folder."""
    alarms, power, folds = measured.alarms, measured.power, measured.fold_errors
    both: list[FalseAlarms | FoldErrors] = [*alarms, *folds]
    largest, usual = max(both, key=lambda one: one.called), _usual(both)
    return template("certainty.md.j2", package=__package__, autoescape=False).render(
        largest=largest,
        largest_name=next(iter(rates_by_scenario([largest]))),
        simulations=usual,
        summaries=[scenario_summary(alarms, scenario) for scenario in dict.fromkeys(one.scenario for one in alarms)],
        limit=LIMIT,
        above=[one for one in both if one.called > LIMIT],
        repeated=[one for one in both if one.simulations > usual],
        sizes=len(both),
        fewest=FEWEST,
        error=_error,
        alarms_table=_alarms_table(alarms),
        intervals_table=_intervals_table(measured.intervals),
        power_table=_power_table(power),
        at_margin=max(one.same for one in power if one.difference == one.margin),
        wrong=max(one.wrong for one in power),
        folds_largest=max(folds, key=lambda one: one.called),
        folds_mean=sum(one.called for one in folds) / len(folds),
        folds_covered=min(folds, key=lambda one: one.covered),
        folds_table=errors_table(folds),
        designs_table=power_table(measured.fold_power),
        looks=measured.looks,
        looks_table=looks_table(measured.looks),
    )


def _usual(measured: Sequence[FalseAlarms | FoldErrors]) -> int:
    """The number of simulations of the combinations that were measured once."""
    return min(one.simulations for one in measured)


def _error(simulations: int) -> float:
    """Two standard errors of a share of 5 %."""
    return float(2 * (0.05 * 0.95 / simulations) ** 0.5)


def scenario_summary(alarms: Sequence[FalseAlarms], scenario: str) -> ScenarioSummary:
    """Summarise the false-alarm rates of a scenario over all sizes with at least `FEWEST` replicates."""
    shares = [one.called for one in alarms if one.scenario == scenario and one.replicates >= FEWEST] or [0.0]
    return ScenarioSummary(scenario, sum(shares) / len(shares), max(shares))


def _alarms_table(alarms: Sequence[FalseAlarms]) -> Table:
    usual = _usual(alarms)

    def cell(one: FalseAlarms) -> str:
        return f"{one.called:.1%}{'*' * (one.simulations > usual)} ({one.excluded:.1%})"

    return rates_table(
        "False-alarm rates: share of comparisons of equally good models in which one is called better. In brackets: "
        "share in which a 95 % confidence interval of a difference excludes 0. *: from a second measurement.",
        alarms,
        cell,
        **BY_GROUPS,
    )


def _intervals_table(intervals: Sequence[Coverage]) -> Table:
    return rates_table(
        "Coverage: share of 95 % confidence intervals that contain the true mean of a model. In brackets: coverage of "
        "the percentile bootstrap.",
        intervals,
        lambda one: f"{one.ours:.1%} ({one.percentiles:.1%})",
        **BY_GROUPS,
    )


def _power_table(power: Sequence[VerdictShares]) -> Table:
    return Table(
        caption=f"Share of each verdict by the true difference in accuracy; the margin is {power[0].margin:g}. "
        "Wrong: the worse model is called better.",
        header=("replicates", "groups", "true difference", "better", "practically the same", "undecided", "wrong"),
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
