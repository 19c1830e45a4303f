"""Is a model as often right as it says? A small figure for each, all with the same axes."""

import numpy as np
from matplotlib.figure import Figure

from pipeline.evaluation.rates import Calibration
from pipeline.reporting.figures.style import MUTED, RULE, WIDTH, Look, new_figure, styled
from pipeline.reporting.text import quantities


@styled
def calibration_panel(title: str, values: Calibration, look: Look, *, least: float) -> Figure:
    """Accuracy against confidence, on the dashed diagonal where both agree; the area of a mark grows with its images.

    `least` is the confidence that the axis starts at: that of a guess among the classes.
    """
    figure = new_figure(WIDTH / 2, width=WIDTH / 2)
    axes = figure.subplots()
    axes.set(xlim=(least - 0.03, 1.03), ylim=(-0.03, 1.03), xlabel="confidence", ylabel="accuracy")
    axes.grid(color=RULE)
    axes.plot([least, 1], [least, 1], color=MUTED, lw=0.8, ls=(0, (4, 3)))
    axes.plot(values.confidence, values.accuracy, color=look.colour, lw=1.2)
    areas = 6 + 70 * values.images / max(values.images.sum(), 1)
    axes.scatter(values.confidence, values.accuracy, s=areas, color=look.colour, lw=0)
    axes.set_xticks([least, 1], [quantities.share(least), "100 %"])
    axes.set_yticks(np.linspace(0, 1, 3), ["0 %", "50 %", "100 %"])
    axes.set_title(title, fontsize=min(9.5, 170 / max(len(title), 1)))
    axes.text(0.97, 0.05, f"error {quantities.score(values.error)}", ha="right", transform=axes.transAxes, fontsize=8)
    return figure
