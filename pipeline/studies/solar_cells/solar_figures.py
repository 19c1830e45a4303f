"""Figures of the study: scores under both splits, and cells of a few modules."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import PercentFormatter

from pipeline.data.prepared import Prepared
from pipeline.reporting.figures.style import BLUE, DASHED, INK, MUTED, RULE, VERMILLION, hide_axes, new_figure, styled
from pipeline.statistics.results import Estimate
from pipeline.studies.solar_cells.solar_candidates import BY_MODULE, RANDOM
from pipeline.studies.solar_cells.solar_scores import NO_PIXELS, TYPES, Scores

LEFT = 0.5
"""Smallest value that a panel shows; an interval can be wider."""
COLUMNS = 10
"""Cells in a row of a module."""
MARKS = {RANDOM: (BLUE, "o", -0.14), BY_MODULE: (VERMILLION, "s", 0.14)}
LABELS = {RANDOM: "random split", BY_MODULE: "split by module"}
CREDIT = "Cell images: Buerhop-Lutz et al. 2018, Deitsch et al. 2019 and 2021 (elpv-dataset), CC BY-NC-SA 4.0"


class ScorePanel(NamedTuple):
    """One score of all networks under both splits, None where there is none; `lines` are other values by label."""

    title: str
    axis: str
    networks: tuple[str, ...]
    estimates: Mapping[str, tuple[Estimate | None, ...]]
    lines: Mapping[str, float]


class ModuleMosaic(NamedTuple):
    """The cells of one module in the order of the data set: pixels (cells, rows, columns), and which are defective."""

    title: str
    pixels: npt.NDArray[np.uint8]
    defective: npt.NDArray[np.bool_]


def score_panels(
    scores: Scores, rule: Mapping[str, Estimate], lines: Mapping[str, Mapping[str, float]]
) -> tuple[ScorePanel, ...]:
    """Accuracy and ROC AUC of the rule that sees no pixel, then of the networks, simple ones first.

    `rule` and `lines` are by metric. The rule has no score under the split by module.
    """
    networks = tuple(sorted(scores.costs, key=lambda one: scores.costs[one]["multiply_accumulates"]))
    return tuple(
        ScorePanel(
            title=title,
            axis=axis,
            networks=(NO_PIXELS, *networks),
            estimates={
                RANDOM: (rule[metric], *(scores.estimate(RANDOM, metric, one) for one in networks)),
                BY_MODULE: (None, *(scores.estimate(BY_MODULE, metric, one) for one in networks)),
            },
            lines=lines[metric],
        )
        for metric, title, axis in (("accuracy", "Accuracy", "test accuracy"), ("roc_auc", "ROC AUC", "test ROC AUC"))
    )


def type_panels(scores: Scores, always: Mapping[str, float]) -> tuple[ScorePanel, ...]:
    """The accuracy on each type of cells; `always` is that of always answering functional, by type."""
    networks = tuple(sorted(scores.costs, key=lambda one: scores.costs[one]["multiply_accumulates"]))
    return tuple(
        ScorePanel(
            title=f"{name.capitalize()} cells",
            axis="test accuracy",
            networks=networks,
            estimates={
                split: tuple(by_network[one] for one in networks) for split, by_network in scores.types[kind].items()
            },
            lines={"always functional": always[kind]},
        )
        for kind, name in TYPES.items()
    )


@styled
def scores_figure(panels: Sequence[ScorePanel]) -> Figure:
    """Draw a panel for each score: a row for each network, a point with its interval for each split."""
    figure = new_figure(3.6, width=7.4)
    for axes, panel in zip(np.atleast_1d(figure.subplots(1, len(panels), sharey=True)), panels, strict=True):
        for split, (colour, marker, offset) in MARKS.items():
            drawn = [(row + offset, one) for row, one in enumerate(panel.estimates[split]) if one is not None]
            for place, one in drawn:
                axes.plot([one.low, one.high], [place] * 2, color=colour, linewidth=1.6)
            means, places = [one.mean for _, one in drawn], [place for place, _ in drawn]
            axes.plot(means, places, marker, color=colour, markersize=5, label=LABELS[split])
        _draw_lines(axes, panel.lines)
        axes.set_yticks(range(len(panel.networks)), panel.networks)
        axes.set_ylim(len(panel.networks) - 0.5, -0.5)
        axes.set_xlim(left=max(LEFT, axes.get_xlim()[0]))
        axes.grid(axis="x", color=RULE)
        axes.set_xlabel(f"{panel.axis}, 95 % interval")
        axes.set_title(panel.title, pad=52 if panel.lines else 6)
        if panel.axis == "test accuracy":
            axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    return figure


def _draw_lines(axes: Axes, lines: Mapping[str, float]) -> None:
    for label, value in lines.items():
        axes.axvline(value, color=MUTED, linewidth=0.9, linestyle=DASHED, zorder=0)
        axes.annotate(
            label,
            (value, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(0, 2),
            textcoords="offset points",
            rotation=38,
            ha="left",
            va="bottom",
            rotation_mode="anchor",
            fontsize=7,
            color=INK,
        )


def module_mosaics(prepared: Prepared, *, of_each: int = 2) -> tuple[ModuleMosaic, ...]:
    """Of each type, the modules of 60 cells whose numbers of defective cells lie spread from few to many.

    Args:
        prepared: images with two classes whose groups are modules.
        of_each: number of modules of each type.
    """
    mosaics = []
    for kind, name in TYPES.items():
        modules = [
            one
            for one in np.unique(prepared.groups[prepared.subgroups == kind])
            if (prepared.groups == one).sum() == 60
        ]
        modules.sort(key=lambda one: (prepared.labels[prepared.groups == one].sum(), one))
        for place in np.linspace(0.3, 0.9, of_each):
            cells = np.flatnonzero(prepared.groups == modules[int(place * (len(modules) - 1))])
            pixels = np.concatenate([prepared.pixels[cell : cell + 1][..., 0] for cell in cells])
            defective = prepared.labels[cells] == 1
            title = f"{name}, {prepared.groups[cells[0]]}: {defective.sum()} of {len(cells)} defective"
            mosaics.append(ModuleMosaic(title, pixels, defective))
    return tuple(mosaics)


@styled
def mosaics_figure(mosaics: Sequence[ModuleMosaic]) -> Figure:
    """Draw the cells of each module side by side; defective cells have a frame."""
    rows = -(-len(mosaics) // 2)
    figure = new_figure(2.55 * rows + 0.2, width=7.4)
    for axes, mosaic in zip(figure.subplots(rows, 2, squeeze=False).flat, mosaics, strict=False):
        side = mosaic.pixels.shape[1]
        lines = mosaic.pixels.reshape(-1, COLUMNS, side, side)
        axes.imshow(lines.swapaxes(1, 2).reshape(-1, COLUMNS * side), cmap="gray", interpolation="antialiased")
        for cell in np.flatnonzero(mosaic.defective):
            row, column = divmod(int(cell), COLUMNS)
            corner = (column * side + 1.5, row * side + 1.5)
            axes.add_patch(Rectangle(corner, side - 4, side - 4, fill=False, edgecolor="#ff7f2a", linewidth=1.3))
        hide_axes(axes)
        axes.set_title(mosaic.title, fontsize=8.5, fontweight="normal")
    figure.supxlabel(f"frame: defective (probability above 0.5)\n{CREDIT}", fontsize=7)
    return figure
