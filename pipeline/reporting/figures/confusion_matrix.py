"""The confusion matrices of the models, side by side."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from pipeline.reporting.figures.style import BLUE, GROUND, INK, new_figure, panel_grid, panel_title, styled
from pipeline.reporting.text import quantities

NUMBERED_CLASSES = 16
"""Matrices with more classes have no numbers, because they would be too small to read."""
LONGEST_LABEL = 18
"""Characters of a class name at an axis; the table of the report has the whole names."""


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
def confusion_figure(matrices: Mapping[str, ConfusionMatrix]) -> Figure:
    """Draw a matrix per model; the models may have different classes, so each panel has its own labels."""
    largest = max(len(matrix.classes) for matrix in matrices.values())
    side = 1.9 if largest <= 2 else 2.6 if largest <= 5 else max(3.6, 0.12 * largest)
    rows, columns = panel_grid(len(matrices), most=max(1, int(11 // side)))
    figure = new_figure(rows * (side + 0.35), width=columns * side + 0.3)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, (name, matrix) in zip(panels, matrices.items(), strict=False):
        _draw(axes, matrix)
        panel_title(axes, name, width=max(2.0, side))
    for axes in panels[len(matrices) :]:
        axes.set_visible(False)
    return figure


def _draw(axes: Axes, matrix: ConfusionMatrix) -> None:
    """Draw one square per pair of classes: its text is the count, its opacity grows with the share of the true class.

    With more than five classes the opacity is the square root of the share, so that rare confusions are visible.
    """
    counts, shares = matrix.counts, matrix.shares
    classes = [_label(name) for name in matrix.classes]
    n = len(classes)
    size = 8.0 if n <= 5 else max(4.5, 75 / n)
    for (row, column), count in np.ndenumerate(counts):
        share = float(np.nan_to_num(shares[row, column]))
        opacity = share if n <= 5 else share**0.5
        # Opacity instead of a colour scale, because it works on light and dark backgrounds.
        if count:
            square = Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=BLUE, alpha=opacity, lw=0)
            axes.add_patch(square).set_clip_on(False)
        if n <= NUMBERED_CLASSES and count:
            text = quantities.count(int(count)) + (f"\n{quantities.share(share)}" if n <= 5 else "")
            colour = GROUND if opacity > 0.7 else INK
            axes.text(column, row, text, ha="center", va="center", fontsize=size, color=colour)
    axes.set(xlim=(-0.5, n - 0.5), ylim=(n - 0.5, -0.5), aspect="equal")
    axes.set_xticks(range(n), classes)
    axes.set_yticks(range(n), classes)
    axes.tick_params(length=0, labelsize=8 if n <= 5 else max(4.5, 75 / n))
    # Vertical labels never overlap their neighbours.
    axes.tick_params(axis="x", rotation=90 if max(map(len, classes)) * n > 14 else 0)
    axes.tick_params(axis="y", rotation=90 if n <= 3 else 0)
    for label in axes.get_yticklabels() if n <= 3 else ():
        label.set(va="center")
    for spine in axes.spines.values():
        spine.set_visible(True)
    axes.set(xlabel="predicted", ylabel="true")


def _label(name: str) -> str:
    """The name in one line; of a long name the beginning and the end, because either may tell classes apart.

    >>> _label("a class with a very long name 17")
    'a class w…g name 17'
    """
    line = " ".join(name.split())
    half = LONGEST_LABEL // 2
    return line if len(line) <= LONGEST_LABEL else f"{line[:half]}…{line[-half:]}"
