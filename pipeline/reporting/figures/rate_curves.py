"""ROC and precision–recall curves."""

from collections.abc import Mapping

from matplotlib.figure import Figure

from pipeline.evaluation.classification_curves import RateCurve
from pipeline.reporting.figures.style import DASHED, MUTED, LineStyle, square_axes, styled
from pipeline.reporting.text import quantities


@styled
def roc_figure(curves: Mapping[str, RateCurve], styles: Mapping[str, LineStyle]) -> Figure:
    """Draw one ROC curve per name; the dashed diagonal is a random classifier."""
    figure, axes = square_axes("ROC curve", "false positive rate", "true positive rate")
    axes.plot([0, 1], [0, 1], color=MUTED, lw=0.8, ls=DASHED)
    for name, curve in curves.items():
        label = f"{name} (area {quantities.score(curve.score)})"
        axes.plot(curve.x, curve.y, color=styles[name].colour, ls=styles[name].line, lw=1.5, label=label)
    axes.legend(loc="lower right")
    return figure


@styled
def precision_recall_figure(curves: Mapping[str, RateCurve], styles: Mapping[str, LineStyle]) -> Figure:
    """Draw one precision–recall curve per name, as steps."""
    figure, axes = square_axes("Precision–recall curve", "recall", "precision")
    for name, curve in curves.items():
        label = f"{name} (average precision {quantities.score(curve.score)})"
        axes.step(curve.x, curve.y, where="pre", color=styles[name].colour, ls=styles[name].line, lw=1.5, label=label)
    axes.legend(loc="lower left")
    return figure
