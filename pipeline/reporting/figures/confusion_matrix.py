"""The confusion matrix of a model."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from pipeline.reporting.figures.style import BLUE, INK, WIDTH, new_figure, styled
from pipeline.reporting.text import quantities

NUMBERED_CLASSES = 16
"""Matrices with more classes have no numbers, because they would be too small to read."""


class ConfusionMatrix(NamedTuple):
    """Counts, and their shares of each true class; both of shape (classes, classes), one row per true class.

    The shares of a class without images are NaN.
    """

    classes: tuple[str, ...]
    counts: np.ndarray
    shares: np.ndarray


def confusion_matrix(classes: Sequence[str], counts: np.ndarray) -> ConfusionMatrix:
    """Normalise each row of the counts.

    Raises:
        ValueError: `counts` does not have one row and one column per class.
    """
    if counts.shape != (len(classes), len(classes)):
        raise ValueError(
            f"`counts` must have shape ({len(classes)}, {len(classes)}), with a row and a column per class. "
            f"Received {counts.shape}."
        )
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.full(counts.shape, np.nan), where=totals > 0)
    return ConfusionMatrix(tuple(classes), counts, shares)


@styled
def confusion_figure(title: str, values: ConfusionMatrix) -> Figure:
    """Draw one square per pair of classes: its opacity is the share of the true class, its text the count."""
    classes, counts, shares = values
    n = len(classes)
    side = max(WIDTH, 0.16 * n + 1)
    figure = new_figure(side * (0.62 if n == 2 else 0.92), width=side)
    axes = figure.subplots()
    size = max(5.0, min(10.0, 60 / n))
    for (row, column), count in np.ndenumerate(counts):
        share = float(np.nan_to_num(shares[row, column]))
        # Opacity instead of a colour scale, because it works on light and dark backgrounds.
        axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=BLUE, alpha=share, lw=0))
        if n <= NUMBERED_CLASSES and count:
            text = quantities.count(int(count)) + (f"\n{quantities.share(share)}" if n <= 5 else "")
            colour = "#fffffe" if share > 0.8 else INK
            axes.text(column, row, text, ha="center", va="center", fontsize=size, color=colour)
    axes.set(xlim=(-0.5, n - 0.5), ylim=(n - 0.5, -0.5))
    axes.set_xticks(range(n), classes)
    axes.set_yticks(range(n), classes)
    label_size = 8 if n <= NUMBERED_CLASSES else 6
    long = max(map(len, classes)) * n > 36
    axes.tick_params(length=0, labelsize=label_size)
    if long:
        axes.tick_params(axis="x", rotation=90 if n > NUMBERED_CLASSES else 45)
        for label in axes.get_xticklabels():
            label.set(ha="right", rotation_mode="anchor")
    for spine in axes.spines.values():
        spine.set_visible(True)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    axes.set_title(title)
    return figure
