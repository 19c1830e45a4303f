"""Reliability diagrams: accuracy against confidence (Guo et al. 2017, *On calibration of modern neural networks*)."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from pipeline.evaluation.classification_curves import Calibration
from pipeline.reporting.figures.style import (
    DASHED,
    MUTED,
    RULE,
    WIDTH,
    LineStyle,
    new_figure,
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
def reliability_panel(title: str, curve: Calibration, style: LineStyle, *, chance: float) -> Figure:
    """Draw the reliability curve of one model at half width; all panels of a comparison have the same axes.

    `chance` is the confidence of a uniform guess, 1 / classes, at which the confidence axis starts.
    """
    figure = new_figure(WIDTH / 2, width=WIDTH / 2)
    axes = figure.subplots()
    axes.set(xlim=(chance - 0.03, 1.03), ylim=(-0.03, 1.03), xlabel="confidence", ylabel="accuracy")
    axes.grid(color=RULE)
    axes.plot([chance, 1], [chance, 1], color=MUTED, lw=0.8, ls=DASHED)
    axes.plot(curve.confidence, curve.accuracy, color=style.colour, lw=1.2)
    areas = 6 + 70 * curve.images / max(curve.images.sum(), 1)
    axes.scatter(curve.confidence, curve.accuracy, s=areas, color=style.colour, lw=0)
    axes.set_xticks([chance, 1], [quantities.share(chance), "100 %"])
    axes.set_yticks(np.linspace(0, 1, 3), ["0 %", "50 %", "100 %"])
    axes.set_title(title, fontsize=min(9.5, 170 / max(len(title), 1)))
    axes.text(0.97, 0.05, f"error {quantities.score(curve.error)}", ha="right", transform=axes.transAxes, fontsize=8)
    return figure
