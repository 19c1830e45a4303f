"""ROC, precision–recall and calibration curves as figures."""

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.evaluation.rates import Calibration, RateCurve
from pipeline.reporting.figures.style import MUTED, RULE, Look, new_figure, styled
from pipeline.reporting.text import quantities


def _square(title: str, x: str, y: str) -> tuple[Figure, Axes]:
    figure = new_figure(4.3)
    axes = figure.subplots()
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xlabel=x, ylabel=y, aspect="equal")
    axes.grid(color=RULE)
    axes.set_title(title)
    return figure, axes


@styled
def roc_figure(curves: Mapping[str, RateCurve], looks: Mapping[str, Look]) -> Figure:
    """A ROC curve per model; the dashed diagonal is guessing."""
    figure, axes = _square("ROC curve", "false positive rate", "true positive rate")
    axes.plot([0, 1], [0, 1], color=MUTED, lw=0.8, ls=(0, (4, 3)))
    for model, curve in curves.items():
        label = f"{model} (area {quantities.score(curve.score)})"
        axes.plot(curve.x, curve.y, color=looks[model].colour, ls=looks[model].line, lw=1.5, label=label)
    axes.legend(loc="lower right")
    return figure


@styled
def precision_recall_figure(curves: Mapping[str, RateCurve], looks: Mapping[str, Look]) -> Figure:
    """A precision–recall curve per model."""
    figure, axes = _square("Precision–recall curve", "recall", "precision")
    for model, curve in curves.items():
        label = f"{model} (average precision {quantities.score(curve.score)})"
        axes.step(curve.x, curve.y, where="pre", color=looks[model].colour, ls=looks[model].line, lw=1.5, label=label)
    axes.legend(loc="lower left")
    return figure


@styled
def calibration_figure(curves: Mapping[str, Calibration], looks: Mapping[str, Look]) -> Figure:
    """Accuracy against confidence; on the dashed diagonal a model is as often right as it says, below it too sure.

    The area of a mark grows with the number of images in its bin.
    """
    figure, axes = _square("Calibration", "confidence", "accuracy")
    axes.plot([0, 1], [0, 1], color=MUTED, lw=0.8, ls=(0, (4, 3)))
    for model, curve in curves.items():
        colour, marker, line = looks[model]
        areas = 8 + 110 * curve.images / curve.images.sum()
        label = f"{model} (error {quantities.score(curve.error)})"
        axes.plot(curve.confidence, curve.accuracy, color=colour, ls=line, lw=1.1)
        axes.scatter(
            curve.confidence, curve.accuracy, s=areas, color=colour, marker=marker, lw=0, alpha=0.8, label=label
        )
    # In the legend all marks are alike: their area is no property of the model.
    for handle in axes.legend(loc="upper left").legend_handles:
        handle.set_sizes([25.0])  # type: ignore[union-attr]
    return figure
