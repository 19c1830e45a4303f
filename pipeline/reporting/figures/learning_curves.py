"""Learning curves: training and validation loss and accuracy per epoch, one column per model with shared axes."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from pipeline.reporting.content import ModelResult
from pipeline.reporting.figures.style import BLUE, MUTED, RULE, new_figure, panel_grid, panel_title, styled

MEASURES = ("loss", "accuracy")
LOGARITHMIC = 8
"""Ratio of the largest to the smallest loss from which the axis is logarithmic, so that high first losses fit on it."""


class Curve(NamedTuple):
    """Mean, minimum and maximum over replicates per epoch, arrays of equal length.

    `replicates` is the number of replicates that reached the epoch; with early stopping it falls towards the end.
    """

    epochs: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    replicates: np.ndarray

    def common(self) -> int:
        """Return the number of epochs that every replicate reached."""
        return int((self.replicates == self.replicates.max(initial=0)).sum())


def curve(history: pd.DataFrame, column: str) -> Curve:
    """Summarise one column of a history over the replicates; rows without a finite value are ignored."""
    finite = history[np.isfinite(history[column].to_numpy(dtype=float))]
    by_epoch = finite.groupby("epoch")[column].agg(["mean", "min", "max", "count"])
    return Curve(by_epoch.index.to_numpy(), *(by_epoch[name].to_numpy() for name in ("mean", "min", "max", "count")))


def learning_curves(model: ModelResult) -> dict[str, Curve]:
    """Return the curves of a model by column: train/loss, val/loss, train/accuracy and val/accuracy."""
    return {
        f"{part}/{measure}": curve(model.history, f"{part}/{measure}")
        for measure in MEASURES
        for part in ("train", "val")
    }


@styled
def learning_curves_figure(models: Mapping[str, Mapping[str, Curve]]) -> Figure:
    """Draw loss above accuracy for each model: training dashed, validation solid with a band from minimum to maximum.

    Grey lines in the background are the mean validation curves of the other models. All panels of a measure have the
    same axes, which show every epoch.
    """
    rows, columns = panel_grid(len(models))
    figure = new_figure(3.3 * rows + 0.3, width=1.85 * columns + 0.4)
    bands = figure.subfigures(rows, 1, squeeze=False).ravel()
    names = list(models)
    for row, band in enumerate(bands):
        panels = band.subplots(2, columns, sharex=True, sharey="row", squeeze=False)
        for column in range(columns):
            place = row * columns + column
            for axes, measure in zip(panels[:, column], MEASURES, strict=True):
                if place < len(names):
                    _draw(axes, models, names[place], measure)
                else:
                    axes.set_visible(False)
        for axes, measure in zip(panels[:, 0], MEASURES, strict=True):
            axes.set_ylabel(measure)
    handles, labels = bands[0].axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(handles))
    return figure


def _draw(axes: Axes, models: Mapping[str, Mapping[str, Curve]], name: str, measure: str) -> None:
    for other in models.values():
        background = other[f"val/{measure}"]
        axes.plot(background.epochs, background.mean, color=RULE, lw=1.0, zorder=1)
    training, validation = models[name][f"train/{measure}"], models[name][f"val/{measure}"]
    axes.plot(training.epochs, training.mean, color=MUTED, lw=1.2, ls=(0, (4, 2)), label="training")
    common = validation.common()
    shared = slice(None, common)
    axes.fill_between(validation.epochs[shared], validation.low[shared], validation.high[shared], color=BLUE, alpha=0.2)
    axes.plot(validation.epochs[shared], validation.mean[shared], color=BLUE, lw=1.8, label="validation")
    # Thinner after the first replicate has stopped, because the mean of the remaining ones can jump.
    rest = slice(max(common - 1, 0), None)
    axes.plot(validation.epochs[rest], validation.mean[rest], color=BLUE, lw=0.7)
    if len(models) > 1:
        axes.plot([], [], color=RULE, lw=1.6, label="other models, validation")
    scale, low, high = limits(list(models.values()), measure)
    if scale == "log":
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_locator(NullLocator())
    axes.set_ylim(low, high)
    axes.grid(axis="y")
    if measure == MEASURES[0]:
        panel_title(axes, name)
    else:
        axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=4))


def limits(curves: Sequence[Mapping[str, Curve]], measure: str) -> tuple[str, float, float]:
    """Return the scale of the y axis, linear or log, and limits that show all means and bands of all models."""
    seen = np.concatenate(
        [
            *([by_column[f"train/{measure}"].mean for by_column in curves] or [np.empty(0)]),
            *(getattr(by_column[f"val/{measure}"], end) for by_column in curves for end in ("low", "high")),
        ]
    )
    if not seen.size:
        return "linear", 0.0, 1.0
    low, high = float(seen.min()), float(seen.max())
    if measure == "loss" and 0 < low * LOGARITHMIC < high:
        return "log", low / 1.15, high * 1.15
    margin = 0.05 * (high - low) or 0.05
    return "linear", low - margin, high + margin
