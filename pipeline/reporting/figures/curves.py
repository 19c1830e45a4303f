"""Learning curves: loss and accuracy over the epochs, training beside validation."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pipeline.reporting.content import ModelResult
from pipeline.reporting.figures.style import MUTED, RULE, WIDTH, Look, new_figure, styled

MEASURES = ("loss", "accuracy")


class Curve(NamedTuple):
    """One measure over the epochs: arrays of equal length, `low` and `high` the extreme replicates.

    `replicates` says how many replicates reached an epoch: with early stopping, not all reach the last.
    """

    epochs: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    replicates: np.ndarray

    def common(self) -> int:
        """How many epochs every replicate reached."""
        return int((self.replicates == self.replicates.max(initial=0)).sum())


def curve(history: pd.DataFrame, column: str) -> Curve:
    """Mean and extremes of one column over the replicates, epoch by epoch; rows without a finite value are left out."""
    finite = history[np.isfinite(history[column].to_numpy(dtype=float))]
    by_epoch = finite.groupby("epoch")[column].agg(["mean", "min", "max", "count"])
    return Curve(by_epoch.index.to_numpy(), *(by_epoch[name].to_numpy() for name in ("mean", "min", "max", "count")))


def learning_curves(model: ModelResult) -> dict[str, Curve]:
    """The curves of a model by column: train/loss, val/loss, train/accuracy, val/accuracy."""
    return {
        f"{part}/{measure}": curve(model.history, f"{part}/{measure}")
        for measure in MEASURES
        for part in ("train", "val")
    }


def common_limits(curves: Sequence[Mapping[str, Curve]], measure: str) -> tuple[float, float]:
    """Lowest and highest mean of a measure over all models, so that their figures can be compared.

    The highest loss is that of the second epoch where there is one: a first epoch can dwarf all that follows.
    """
    skipped = 1 if measure == "loss" else 0
    means = [one[f"{part}/{measure}"].mean for one in curves for part in ("train", "val")]
    seen = np.concatenate([mean[skipped:] if len(mean) > skipped else mean for mean in means])
    if not seen.size:
        return 0.0, 1.0
    margin = 0.05 * (seen.max() - seen.min()) or 0.05
    return float(seen.min() - margin), float(seen.max() + margin)


def _draw_validation(axes: Axes, one: Curve, look: Look) -> None:
    common = one.common()
    axes.fill_between(one.epochs[:common], one.low[:common], one.high[:common], color=look.colour, alpha=0.2, lw=0)
    axes.plot(one.epochs[:common], one.mean[:common], color=look.colour, lw=1.8, label="validation")
    # Beyond, the mean is one of fewer replicates and may jump: thinner.
    axes.plot(one.epochs[max(common - 1, 0) :], one.mean[max(common - 1, 0) :], color=look.colour, lw=0.7)


@styled
def learning_curves_figure(
    title: str,
    curves: Mapping[str, Curve],
    look: Look,
    *,
    others: Sequence[Mapping[str, Curve]] = (),
) -> Figure:
    """Loss above accuracy: training dashed, validation solid with a band from the lowest to the highest replicate.

    The validation means of `others`, the comparison's other models, stand behind in grey;
    the axes hold them all, so the figures of one comparison have the same limits.
    """
    figure = new_figure(4.3, width=WIDTH)
    panels = figure.subplots(2, 1, sharex=True)
    for axes, measure in zip(panels, MEASURES, strict=True):
        for other in others:
            behind = other[f"val/{measure}"]
            axes.plot(behind.epochs, behind.mean, color=RULE, lw=1.0, zorder=1, label="_other")
        training = curves[f"train/{measure}"]
        axes.plot(training.epochs, training.mean, color=look.colour, lw=1.2, ls=(0, (4, 2)), label="training")
        _draw_validation(axes, curves[f"val/{measure}"], look)
        axes.set_ylim(*common_limits([curves, *others], measure))
        axes.set_ylabel(measure)
        axes.grid(axis="y")
    if others:
        panels[0].plot([], [], color=RULE, lw=1.6, label="others' validation")
    panels[0].set_title(title)
    handles, labels = panels[0].get_legend_handles_labels()
    # Outside, where it covers no curve.
    figure.legend(handles, labels, loc="outside lower center", ncols=len(handles), handlelength=2.0, columnspacing=1.4)
    panels[1].set_xlabel("epoch", color=MUTED)
    panels[1].xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    return figure
