"""The score of every replicate of every model."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from pipeline.reporting.content import Comparison, metric_label
from pipeline.reporting.figures.style import INK, RULE, LineStyle, new_figure, styled
from pipeline.reporting.tables.models import comparison_rows


class Spread(NamedTuple):
    """Scores of shape (models, replicates), models in the order of the comparison table."""

    models: tuple[str, ...]
    scores: np.ndarray


def spread(comparison: Comparison) -> Spread:
    """Return the primary metric of every replicate, NaN where a model has fewer replicates than another.

    Models whose scores cannot be compared with those of the others are left out, unless there are no others.
    """
    comparable = {model.name for model in comparison.comparable}
    rows = [row for row in comparison_rows(comparison) if row.model in comparable or not comparable]
    scores = np.full((len(rows), max(len(row.values) for row in rows)), np.nan)
    for index, row in enumerate(rows):
        scores[index, : len(row.values)] = row.values
    return Spread(tuple(row.model for row in rows), scores)


@styled
def spread_figure(values: Spread, metric: str, styles: Mapping[str, LineStyle]) -> Figure:
    """Draw one row per model: a mark per replicate and a bar at the mean; grey lines connect the same replicate.

    The same replicate of every model uses the same images. Parallel grey lines therefore show that the images cause the
    differences between replicates.
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
