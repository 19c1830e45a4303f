"""Learning curves of a study: the mean validation accuracy over replicates after each epoch."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pipeline.reporting.figures.style import RULE, line_styles, new_figure, styled
from pipeline.studies.trainings import Trained


class Curve(NamedTuple):
    """Mean validation accuracy over replicates, shape (epochs,), and where on the axis each epoch ends."""

    places: tuple[float, ...]
    accuracies: tuple[float, ...]


def validation_accuracies(trained: Trained) -> tuple[float, ...]:
    """The mean validation accuracy over replicates after each epoch."""
    histories = [[epoch["val/accuracy"] for epoch in task.result.epochs] for task in trained.tasks]
    return tuple(np.mean(histories, axis=0).tolist())


@styled
def curves_figure(panels: Mapping[str, Mapping[str, Curve]], title: str, *, lowest: float) -> Figure:
    """Draw one panel per label of the x-axis, with one line per network; accuracies start at `lowest`."""
    figure = new_figure(3.4, width=4.2 * len(panels) if len(panels) > 1 else 5.6)
    grid = figure.subplots(1, len(panels), sharey=True, squeeze=False)
    for axes, (label, curves) in zip(grid.flat, panels.items(), strict=True):
        _draw(axes, curves)
        axes.set_xlabel(label)
        axes.set_ylim(lowest, None)
    grid.flat[0].set_ylabel("validation accuracy, mean over replicates")
    if len(panels) == 1:
        grid.flat[0].legend(loc="lower right")
        grid.flat[0].set_title(title)
    else:
        figure.suptitle(title, fontsize=9.5, fontweight="bold", x=0.01, ha="left")
        grid.flat[-1].legend(loc="lower right")
    return figure


def _draw(axes: Axes, curves: Mapping[str, Curve]) -> None:
    for (name, curve), style in zip(curves.items(), line_styles(list(curves)).values(), strict=True):
        axes.plot(
            curve.places,
            curve.accuracies,
            color=style.colour,
            marker=style.marker,
            markersize=3.5,
            markevery=max(1, len(curve.places) // 20),
            linewidth=1.2,
            label=name,
        )
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="y", color=RULE)
