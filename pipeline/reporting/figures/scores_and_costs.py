"""The score of every model with its interval, its ties and its costs: a row per model, the cheapest first."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator

from pipeline.evaluation.metrics import LOWER_IS_BETTER
from pipeline.reporting.content import Comparison, metric_label
from pipeline.reporting.costs import Cost, amount
from pipeline.reporting.figures.style import BLUE, INK, MUTED, RULE, hide_axes, new_figure, styled
from pipeline.reporting.tables.pairs import tie_letters
from pipeline.reporting.text.quantities import score

ROW = 0.46
"""Height of a row in inches: the name above, the interval below."""
SCORES, TIE, COST = 2.9, 0.17, 1.15
"""Widths in inches: of the scores, of the column of one set of ties, and of one cost."""
BASELINE = "baseline"
"""The note after the name of a baseline."""
MOST_TIES = 8
"""Sets of ties that are drawn; with more, the columns would be wider than the scores."""
WIDEST = 2.0
"""Baselines may widen the axis of scores by this factor; otherwise it covers the networks only."""
NAME, MARK = 0.26, -0.12
"""Heights of the name and of the interval above the middle of a row, in rows."""


class ScoreRow(NamedTuple):
    """One model: the mean with the ends of its interval, the scores of its replicates, and its mean costs.

    `beaten` means that another model is better, `note` follows the name. Unknown numbers are NaN. `bound` means that
    the multiply–accumulates are a lower bound.
    """

    model: str
    mean: float
    low: float
    high: float
    scores: tuple[float, ...]
    costs: tuple[float, ...]
    beaten: bool
    note: str = ""
    bound: bool = False

    def cost_text(self, place: int, cost: Cost) -> str:
        """The cost at a place in `costs` as text."""
        value = self.costs[place]
        return amount(cost, value, bound=self.bound) if np.isfinite(value) else "–"


class ScoresAndCosts(NamedTuple):
    """The rows, cheapest first; for each letter the positions of the models that are tied; the metric and the costs."""

    metric: str
    costs: tuple[Cost, ...]
    rows: tuple[ScoreRow, ...]
    ties: dict[str, tuple[int, ...]]


def scores_and_costs(comparison: Comparison, costs: Sequence[Cost]) -> ScoresAndCosts:
    """Gather the models whose scores can be compared, ordered by the first of the costs."""
    certainty = comparison.certainty
    estimates = {one.model: one for one in certainty.estimates}
    models = sorted(
        (model for model in comparison.comparable if model.name in estimates),
        key=lambda model: (model.mean_cost(costs[0].key), model.name),
    )
    rows = tuple(
        ScoreRow(
            model.name,
            estimates[model.name].mean,
            estimates[model.name].low,
            estimates[model.name].high,
            tuple(model.scores[comparison.primary_metric]),
            tuple(model.mean_cost(cost.key) for cost in costs),
            model.name not in certainty.unbeaten,
            "" if model.baseline is None else BASELINE,
            bool(model.uncounted),
        )
        for model in models
    )
    letters = tie_letters(certainty)
    sets = dict.fromkeys(letter for own in letters.values() for letter in own.split())
    ties = {
        letter: tuple(place for place, row in enumerate(rows) if letter in letters[row.model].split())
        for letter in sorted(sets, key=lambda letter: (len(letter), letter))
    }
    return ScoresAndCosts(comparison.primary_metric, tuple(costs), rows, ties)


def score_limits(rows: Sequence[ScoreRow]) -> tuple[float, float] | None:
    """The ends of the axis of scores, None if no number is finite.

    Baselines can be so much worse than the networks that all networks would look equal; then they are left out.
    """

    def ends(chosen: Sequence[ScoreRow]) -> tuple[float, float] | None:
        values = [value for row in chosen for value in (row.mean, row.low, row.high, *row.scores) if np.isfinite(value)]
        return (min(values), max(values)) if values else None

    whole, networks = ends(rows), ends([row for row in rows if row.note != BASELINE])
    if not whole or not networks or networks[0] == networks[1]:
        return whole
    (low, high), margin = networks, 0.05 * (networks[1] - networks[0])
    return (low - margin, high + margin) if whole[1] - whole[0] > WIDEST * (high - low) else whole


@styled
def scores_and_costs_figure(values: ScoresAndCosts, *, recommended: str | None = None) -> Figure:
    """Draw a row per model: name, interval as a bar, replicates as small dots, mean as a large one; ties; costs.

    Means of models that no other model beats are filled, those of beaten models are hollow. An arrow with the score
    stands for a baseline outside the axis. A vertical line connects models that are tied. Costs are on logarithmic
    scales.
    """
    several = {letter: places for letter, places in values.ties.items() if len(places) > 1}
    ties = dict(list(several.items())[:MOST_TIES])
    widths = [SCORES, max(0.36, TIE * len(ties)), *(COST for _ in values.costs)]
    figure = new_figure(ROW * max(1, len(values.rows)) + 0.95, width=sum(widths) + 0.1)
    figure.get_layout_engine().set(w_pad=0.02, wspace=0.02)  # type: ignore[union-attr, call-arg]
    panels = figure.subplots(1, len(widths), sharey=True, gridspec_kw={"width_ratios": widths})
    _draw_scores(panels[0], values, recommended)
    _draw_ties(panels[1], ties)
    for place, (axes, cost) in enumerate(zip(panels[2:], values.costs, strict=True)):
        texts = [row.cost_text(place, cost) for row in values.rows]
        _draw_cost(axes, cost, [row.costs[place] for row in values.rows], texts)
    panels[0].set_ylim(len(values.rows) - 0.5, -0.6)
    return figure


def _draw_scores(axes: Axes, values: ScoresAndCosts, recommended: str | None) -> None:
    limits = score_limits(values.rows)
    for place, row in enumerate(values.rows):
        height = place - MARK
        colour = MUTED if row.beaten else BLUE
        if limits and np.isfinite(row.mean) and not limits[0] <= row.mean <= limits[1]:
            _draw_arrow(axes, height, row.mean, left=row.mean < limits[0])
        else:
            axes.plot([row.low, row.high], [height] * 2, color=colour, lw=5, alpha=0.3, solid_capstyle="butt")
            axes.plot(row.scores, [height] * len(row.scores), ls="", marker="|", ms=5, color=colour, alpha=0.6)
            face = "none" if row.beaten else colour
            axes.plot(row.mean, height, ls="", marker="o", ms=6.5, mfc=face, mec=colour, mew=1.6)
        chosen = row.model == recommended
        axes.text(
            0,
            place - NAME,
            " – ".join(filter(None, (row.model, "recommended" if chosen else row.note))),
            transform=axes.get_yaxis_transform(),
            va="center",
            fontweight="bold" if chosen else "normal",
            color=BLUE if chosen else INK,
        )
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
    axes.grid(axis="x", color=RULE)
    direction = " (lower is better)" if values.metric in LOWER_IS_BETTER else ""
    axes.set_xlabel(f"test {metric_label(values.metric)}{direction}")


def _draw_arrow(axes: Axes, height: float, mean: float, *, left: bool) -> None:
    """Draw a score outside the axis: an arrow at its end, and the number."""
    place, text, side = (0.02, f"← {score(mean)}", "left") if left else (0.98, f"{score(mean)} →", "right")
    axes.text(place, height, text, transform=axes.get_yaxis_transform(), ha=side, va="center", color=MUTED)


def _draw_ties(axes: Axes, ties: dict[str, tuple[int, ...]]) -> None:
    hide_axes(axes)
    axes.set_xlim(-0.5, max(1, len(ties)) - 0.5)
    for column, (letter, places) in enumerate(ties.items()):
        heights = [place - MARK for place in places]
        axes.plot([column] * len(heights), heights, color=MUTED, lw=1.2, marker="o", ms=3.5)
        axes.text(column, 1, letter, transform=axes.get_xaxis_transform(), ha="center", va="bottom", color=MUTED)
    axes.set_xlabel("ties" if ties else "", color=MUTED, labelpad=6)


def _draw_cost(axes: Axes, cost: Cost, amounts: Sequence[float], texts: Sequence[str]) -> None:
    known = [value for value in amounts if np.isfinite(value) and value > 0]
    start = min(known, default=1.0) / 2
    axes.set_xscale("log")
    axes.set_xlim(start, max(known, default=1.0) * (max(known, default=1.0) / start) ** 0.2)
    axes.xaxis.set_major_locator(NullLocator())
    axes.xaxis.set_minor_locator(NullLocator())
    axes.spines[["left", "bottom"]].set_visible(False)
    for place, (value, text) in enumerate(zip(amounts, texts, strict=True)):
        axes.text(0, place - NAME, text, transform=axes.get_yaxis_transform(), va="center")
        if value in known:
            axes.plot([start, value], [place - MARK] * 2, color=RULE, lw=1.2)
            axes.plot(value, place - MARK, ls="", marker="o", ms=4.5, mfc=MUTED, mec="none")
    label = cost.label.replace("–", "–\n")
    axes.set_xlabel(f"{label}\n{cost.per}".strip(), ha="left", x=0, color=INK, labelpad=6)
