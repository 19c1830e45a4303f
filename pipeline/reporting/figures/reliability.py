"""Reliability diagrams: accuracy against confidence (Guo et al. 2017, *On calibration of modern neural networks*)."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from pipeline.evaluation.classification_curves import Calibration
from pipeline.reporting.figures.style import (
    BLUE,
    DASHED,
    MUTED,
    RULE,
    LineStyle,
    new_figure,
    panel_grid,
    panel_title,
    square_axes,
    styled,
)
from pipeline.reporting.text import quantities


@styled
def reliability_figure(curves: Mapping[str, Calibration], styles: Mapping[str, LineStyle]) -> Figure:
    """Draw one reliability curve per name; the dashed diagonal is perfect calibration.

    Points below the diagonal are overconfident. The area of a point grows with the number of images in its bin.
    """
    figure, axes = square_axes("Calibration", "confidence", "accuracy")
    axes.plot([0, 1], [0, 1], color=MUTED, lw=0.8, ls=DASHED)
    for name, curve in curves.items():
        colour, marker, line = styles[name]
        areas = 8 + 110 * curve.images / curve.images.sum()
        label = f"{name} (error {quantities.score(curve.error)})"
        axes.plot(curve.confidence, curve.accuracy, color=colour, ls=line, lw=1.1)
        axes.scatter(
            curve.confidence, curve.accuracy, s=areas, color=colour, marker=marker, lw=0, alpha=0.8, label=label
        )
    # The legend shows all markers at one size, because the area belongs to a bin, not to a curve.
    for handle in axes.legend(loc="upper left").legend_handles:
        handle.set_sizes([25.0])  # type: ignore[union-attr]
    return figure


@styled
def reliability_panels(curves: Mapping[str, Calibration], *, chance: float) -> Figure:
    """Draw the reliability curve of each model in a panel of its own; all panels have the same axes.

    `chance` is the confidence of a uniform guess, 1 / classes, at which the confidence axis starts.
    """
    rows, columns = panel_grid(len(curves))
    figure = new_figure(2.1 * rows + 0.2, width=1.85 * columns + 0.4)
    panels = figure.subplots(rows, columns, sharey=True, squeeze=False)
    for axes, (name, curve) in zip(panels.ravel(), curves.items(), strict=False):
        axes.grid(color=RULE)
        axes.plot([chance, 1], [chance, 1], color=MUTED, lw=0.8, ls=DASHED)
        axes.plot(curve.confidence, curve.accuracy, color=BLUE, lw=1.2)
        areas = 6 + 70 * curve.images / max(curve.images.sum(), 1)
        axes.scatter(curve.confidence, curve.accuracy, s=areas, color=BLUE, lw=0)
        error = f"error {quantities.score(curve.error)}"
        axes.text(0.97, 0.05, error, ha="right", transform=axes.transAxes, fontsize=8)
        axes.set(xlim=(chance - 0.03, 1.03), ylim=(-0.03, 1.03), xlabel="confidence")
        axes.set_xticks([chance, 1], [quantities.share(chance), "100 %"])
        panel_title(axes, name)
    for axes in panels.ravel()[len(curves) :]:
        axes.set_visible(False)
    panels[0, 0].set_yticks(np.linspace(0, 1, 3), ["0 %", "50 %", "100 %"])
    for axes in panels[:, 0]:
        axes.set_ylabel("accuracy")
    return figure
