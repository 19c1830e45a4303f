"""Tables and the figure on repeated cross-validation."""

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from pipeline.reporting.figures.style import PALETTE, RULE, new_figure, styled
from pipeline.reporting.tables.text_table import Table
from pipeline.studies.certainty.fold_errors import FoldErrors, FoldPower, LookErrors
from pipeline.studies.certainty.rates_table import rates_table


class DesignPanel(NamedTuple):
    """Shares of the verdict "better" against the true difference, for each design of one scenario and size."""

    title: str
    differences: tuple[float, ...]
    shares: dict[str, tuple[float, ...]]


def design_panels(power: Sequence[FoldPower]) -> tuple[DesignPanel, ...]:
    """Group the power by scenario and number of groups."""
    panels = []
    for scenario, groups in dict.fromkeys((one.scenario, one.groups) for one in power):
        of_size = [one for one in power if (one.scenario, one.groups) == (scenario, groups)]
        of_size.sort(key=lambda one: one.difference)
        panels.append(
            DesignPanel(
                title=f"{scenario}, {groups} groups",
                differences=tuple(one.difference for one in of_size),
                shares={
                    "repeated folds": tuple(one.folds for one in of_size),
                    "folds, corrected t test": tuple(one.corrected for one in of_size),
                    "one test set": tuple(one.locked for one in of_size),
                },
            )
        )
    return tuple(panels)


@styled
def designs_figure(panels: Sequence[DesignPanel]) -> Figure:
    """Draw one panel per scenario and size, and one line per design."""
    figure = new_figure(3.6)
    grid = figure.subplots(-(-len(panels) // 2), 2, sharex=True, sharey=True, squeeze=False)
    for axes, panel in zip(grid.flat, panels, strict=False):
        for number, (design, shares) in enumerate(panel.shares.items()):
            color, marker = PALETTE[number % len(PALETTE)], "os^"[number % 3]
            axes.plot(panel.differences, shares, color=color, marker=marker, markersize=3, label=design)
        axes.set_title(panel.title, fontweight="normal")
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.grid(axis="y", color=RULE)
    figure.legend(*grid.flat[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    figure.supxlabel("true difference in accuracy", fontsize=8.5)
    figure.supylabel('share of verdicts "better"', fontsize=8.5)
    return figure


def errors_table(errors: Sequence[FoldErrors]) -> Table:
    """One row per scenario, metric and number of groups, one column per number of repetitions."""
    least = min((one.simulations for one in errors), default=0)

    def cell(one: FoldErrors) -> str:
        corrected = "" if one.corrected is None else f", {one.corrected:.1%}"
        return f"{one.called:.1%}{'*' * (one.simulations > least)} ({one.covered:.1%}{corrected})"

    return rates_table(
        "Repeated five-fold cross-validation: share of comparisons of two equally good models in which one is called "
        "better. In brackets: coverage of a model's 95 % interval, then the share that the corrected t test of Nadeau "
        "& Bengio calls better where it was measured. *: from a second measurement.",
        errors,
        cell,
        row="groups",
        column="repetitions",
        of="repetition",
    )


def power_table(power: Sequence[FoldPower]) -> Table:
    """One row per scenario, size and difference."""
    return Table(
        caption='Share of verdicts "better" for the better of two models with ten replicates.',
        header=("scenario", "groups", "true difference", "repeated folds", "folds, corrected t test", "one test set"),
        rows=tuple(
            (
                one.scenario,
                str(one.groups),
                f"{one.difference:.3f}",
                *(f"{share:.1%}" for share in (one.folds, one.corrected, one.locked)),
            )
            for one in power
        ),
    )


def looks_table(looks: Sequence[LookErrors]) -> Table:
    """One row per number of models."""
    return Table(
        caption="Share of growing comparisons of equally good models in which any look calls a model better, at the "
        "level of three looks and at the full level at every look.",
        header=("models", "groups", "planned looks", "full level", "mean replicates"),
        rows=tuple(
            (str(one.models), str(one.groups), f"{one.planned:.1%}", f"{one.unplanned:.1%}", f"{one.trained:.1f}")
            for one in looks
        ),
    )
