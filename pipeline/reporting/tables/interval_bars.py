"""Intervals as small bars in the cells of a table, all on one scale."""

from typing import NamedTuple

import numpy as np
from markupsafe import Markup

from pipeline.reporting.content import Comparison
from pipeline.reporting.tables.models import comparison_rows
from pipeline.reporting.text import quantities

WIDTH, HEIGHT = 120, 14
PADDING = 4


class IntervalBar(NamedTuple):
    """Mean, interval and replicates of a model as positions on the common scale, from 0 to 1; NaN if unknown."""

    mean: float
    low: float
    high: float
    values: tuple[float, ...]


class IntervalBars(NamedTuple):
    """The ends of the common scale, in units of the metric, and the bar of each model with a finite mean."""

    start: float
    end: float
    by_model: dict[str, IntervalBar]


def interval_bars(comparison: Comparison) -> IntervalBars:
    """The bars of all models whose scores can be compared, on a scale from their lowest to their highest value."""
    estimates = {one.model: one for one in comparison.certainty.estimates if np.isfinite(one.mean)}
    rows = {row.model: row.values for row in comparison_rows(comparison) if row.model in estimates}
    shown = [
        value
        for model, values in rows.items()
        for value in (*values, estimates[model].mean, estimates[model].low, estimates[model].high)
        if np.isfinite(value)
    ]
    if not shown:
        return IntervalBars(float("nan"), float("nan"), {})
    start, end = min(shown), max(shown)
    span = end - start or 1.0

    def position(value: float) -> float:
        return (value - start) / span

    return IntervalBars(
        start,
        end,
        {
            model: IntervalBar(
                position(estimates[model].mean),
                position(estimates[model].low),
                position(estimates[model].high),
                tuple(position(value) for value in values if np.isfinite(value)),
            )
            for model, values in rows.items()
        },
    )


def svg_bars(bars: IntervalBars) -> dict[str, Markup]:
    """Each bar as an SVG element, by model; its label gives the numbers."""

    def value(position: float) -> str:
        return quantities.score(bars.start + position * (bars.end - bars.start))

    def label(bar: IntervalBar) -> str:
        interval = f", interval {value(bar.low)} to {value(bar.high)}" if np.isfinite(bar.low + bar.high) else ""
        return f"mean {value(bar.mean)}{interval}"

    return {model: _svg(bar, f"{model}: {label(bar)}") for model, bar in bars.by_model.items()}


def _svg(bar: IntervalBar, label: str) -> Markup:
    """The interval as a band, the replicates as dots, and the mean as a tick."""
    length = WIDTH - 2 * PADDING

    def x(position: float) -> str:
        return f"{PADDING + position * length:.1f}"

    band = Markup()
    if np.isfinite(bar.low) and np.isfinite(bar.high):
        width = f"{(bar.high - bar.low) * length:.1f}"
        band = Markup('<rect class="band" x="{}" y="4" width="{}" height="6" rx="2"/>').format(x(bar.low), width)
    dots = Markup().join(Markup('<circle cx="{}" cy="7" r="1.7"/>').format(x(value)) for value in bar.values)
    tick = Markup('<rect class="mean" x="{}" y="0" width="2" height="14"/>').format(x(bar.mean - 1 / length))
    return Markup(
        '<svg class="bar" role="img" aria-label="{}" viewBox="0 0 {} {}" width="{}" height="{}">'
        '<path d="M4 7H{}"/>{}{}{}</svg>'
    ).format(label, WIDTH, HEIGHT, WIDTH, HEIGHT, WIDTH - PADDING, band, dots, tick)
