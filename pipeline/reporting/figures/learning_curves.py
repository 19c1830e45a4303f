"""Learning curves: training and validation loss and accuracy per epoch."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pipeline.reporting.content import ModelResult
from pipeline.reporting.figures.style import MUTED, RULE, WIDTH, LineStyle, new_figure, styled

MEASURES = ("loss", "accuracy")


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


def common_limits(curves: Sequence[Mapping[str, Curve]], measure: str) -> tuple[float, float]:
    """Return the y limits that show the means of all models, so that their figures have the same axes.

    Losses count from the second epoch, because the first loss is often much larger than all others.
    """
    skipped = 1 if measure == "loss" else 0
    means = [by_column[f"{part}/{measure}"].mean for by_column in curves for part in ("train", "val")]
    seen = np.concatenate([mean[skipped:] if len(mean) > skipped else mean for mean in means])
    if not seen.size:
        return 0.0, 1.0
    margin = 0.05 * (seen.max() - seen.min()) or 0.05
    return float(seen.min() - margin), float(seen.max() + margin)


def _draw_validation(axes: Axes, curve: Curve, style: LineStyle) -> None:
    common = curve.common()
    axes.fill_between(
        curve.epochs[:common], curve.low[:common], curve.high[:common], color=style.colour, alpha=0.2, lw=0
    )
    axes.plot(curve.epochs[:common], curve.mean[:common], color=style.colour, lw=1.8, label="validation")
    # Thinner after the first replicate has stopped, because the mean of the remaining ones can jump.
    axes.plot(curve.epochs[max(common - 1, 0) :], curve.mean[max(common - 1, 0) :], color=style.colour, lw=0.7)


@styled
def learning_curves_figure(
    title: str,
    curves: Mapping[str, Curve],
    style: LineStyle,
    *,
    others: Sequence[Mapping[str, Curve]] = (),
) -> Figure:
    """Draw loss above accuracy: training dashed, validation solid with a band from minimum to maximum.

    Grey lines in the background are the mean validation curves of `others`, the other models of the comparison.
    The limits cover all models, so all figures of a comparison have the same axes.
    """
    figure = new_figure(4.3, width=WIDTH)
    panels = figure.subplots(2, 1, sharex=True)
    for axes, measure in zip(panels, MEASURES, strict=True):
        for other in others:
            background = other[f"val/{measure}"]
            axes.plot(background.epochs, background.mean, color=RULE, lw=1.0, zorder=1, label="_other")
        training = curves[f"train/{measure}"]
        axes.plot(training.epochs, training.mean, color=style.colour, lw=1.2, ls=(0, (4, 2)), label="training")
        _draw_validation(axes, curves[f"val/{measure}"], style)
        axes.set_ylim(*common_limits([curves, *others], measure))
        axes.set_ylabel(measure)
        axes.grid(axis="y")
    if others:
        panels[0].plot([], [], color=RULE, lw=1.6, label="other models, validation")
    panels[0].set_title(title)
    handles, labels = panels[0].get_legend_handles_labels()
    # Outside the axes, so that it hides no curve.
    figure.legend(handles, labels, loc="outside lower center", ncols=len(handles), handlelength=2.0, columnspacing=1.4)
    panels[1].set_xlabel("epoch", color=MUTED)
    panels[1].xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    return figure
