"""Intervals as small bars in the cells of a table, all on one scale."""

from typing import NamedTuple

import numpy as np
from markupsafe import Markup

from pipeline.reporting.content import Comparison
from pipeline.reporting.tables.models import comparison_rows
from pipeline.reporting.text import quantities

WIDTH, HEIGHT = 120, 14


class IntervalBar(NamedTuple):
    """A model's mean, interval and replicates as places on the common scale, from 0 to 1; NaN where unknown."""

    mean: float
    low: float
    high: float
    values: tuple[float, ...]


class IntervalBars(NamedTuple):
    """The scale's ends in the metric's own units, and the bar of each model that has a finite mean."""

    start: float
    end: float
    by_model: dict[str, IntervalBar]


def bars(comparison: Comparison) -> IntervalBars:
    """The bars of all models that were asked the same question, on a scale that holds them all."""
    estimates = {one.model: one for one in comparison.certainty.estimates if np.isfinite(one.mean)}
    rows = {row.model: row.values for row in comparison_rows(comparison) if row.model in estimates}
    ends = [
        value
        for model, values in rows.items()
        for value in (*values, estimates[model].mean, estimates[model].low, estimates[model].high)
        if np.isfinite(value)
    ]
    if not ends:
        return IntervalBars(float("nan"), float("nan"), {})
    start, end = min(ends), max(ends)
    span = end - start or 1.0

    def place(value: float) -> float:
        return (value - start) / span

    return IntervalBars(
        start,
        end,
        {
            model: IntervalBar(
                place(estimates[model].mean),
                place(estimates[model].low),
                place(estimates[model].high),
                tuple(place(value) for value in values if np.isfinite(value)),
            )
            for model, values in rows.items()
        },
    )


def drawn(bar: IntervalBar, alternative: str) -> Markup:
    """The bar as an SVG element: the interval as a band, replicates as dots, the mean as a tick."""

    def x(place: float) -> str:
        return f"{4 + place * (WIDTH - 8):.1f}"

    band = Markup()
    if np.isfinite(bar.low) and np.isfinite(bar.high):
        length = f"{(bar.high - bar.low) * (WIDTH - 8):.1f}"
        band = Markup('<rect class="band" x="{}" y="4" width="{}" height="6" rx="2"/>').format(x(bar.low), length)
    dots = Markup().join(Markup('<circle cx="{}" cy="7" r="1.7"/>').format(x(value)) for value in bar.values)
    tick = Markup('<rect class="mean" x="{}" y="0" width="2" height="14"/>').format(x(bar.mean - 1 / (WIDTH - 8)))
    return Markup(
        '<svg class="bar" role="img" aria-label="{}" viewBox="0 0 {} {}" width="{}" height="{}">'
        '<path d="M4 7H{}"/>{}{}{}</svg>'
    ).format(alternative, WIDTH, HEIGHT, WIDTH, HEIGHT, WIDTH - 4, band, dots, tick)


def drawings(values: IntervalBars) -> dict[str, Markup]:
    """The bars as SVG elements by model; each says in words where it lies."""

    def told(place: float) -> str:
        return quantities.score(values.start + place * (values.end - values.start))

    def words(bar: IntervalBar) -> str:
        interval = f", interval {told(bar.low)} to {told(bar.high)}" if np.isfinite(bar.low + bar.high) else ""
        return f"mean {told(bar.mean)}{interval}"

    return {model: drawn(bar, f"{model}: {words(bar)}") for model, bar in values.by_model.items()}
