"""Distributions of measures of new pictures beside those of training images."""

from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pipeline.deployment.drift.new_pictures import NewPictures
from pipeline.deployment.picture_features import MEASURES
from pipeline.deployment.reference import Reference
from pipeline.reporting.figures.style import BLUE, MUTED, new_figure, panel_grid, panel_title, styled

Values = NDArray[np.float32] | NDArray[np.float64]
BINS = 24
CONFIDENCE = "confidence"


class Distributions(NamedTuple):
    """One panel: its name, the edges of the bins, and the share of images in each bin, known ones and new ones."""

    name: str
    edges: NDArray[np.float64]
    known: NDArray[np.float64]
    new: NDArray[np.float64]


def compared_distributions(new: NewPictures, reference: Reference) -> list[Distributions]:
    """The measures that vary, and last the confidence, which is known of the images of the reported score."""
    panels = [
        _shares(name, reference.training.measures[:, column], new.features.measures[:, column])
        for column, name in enumerate(MEASURES)
    ]
    panels.append(_shares(CONFIDENCE, reference.scored.confidence, new.confidence))
    return [panel for panel in panels if panel.edges[-1] > panel.edges[0]]


def _shares(name: str, known: Values, new: Values) -> Distributions:
    both = np.concatenate([known, new]).astype(np.float64)
    edges = np.linspace(both.min(), both.max(), BINS + 1)
    shares = [np.histogram(values, edges)[0] / max(len(values), 1) for values in (known, new)]
    return Distributions(name, edges, *shares)


@styled
def compared_distributions_figure(panels: list[Distributions]) -> Figure:
    """Draw one panel per measure: training images filled, new pictures as a line."""
    rows, columns = panel_grid(len(panels), most=3)
    figure = new_figure(1.7 * rows + 0.4, width=2.4 * columns)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for one, panel in zip(axes, panels, strict=False):
        one.stairs(panel.known, panel.edges, fill=True, color=MUTED, alpha=0.45, label="known images")
        one.stairs(panel.new, panel.edges, color=BLUE, lw=1.4, label="new pictures")
        one.set_yticks([])
        panel_title(one, panel.name)
    for one in axes[len(panels) :]:
        one.remove()
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower left", ncols=2)
    return figure
