"""Critical-difference diagram: models by their mean rank over data sets (Demšar 2006, figure 1).

Our own drawing: in that of scikit-posthocs 0.17 the label of the critical difference covers the ticks.
"""

from typing import NamedTuple

from matplotlib.figure import Figure

from pipeline.reporting.figures.style import BLUE, INK, MUTED, hide_axes, new_figure, styled
from pipeline.statistics.rank_tests import Ranking


class Crossbar(NamedTuple):
    """A group of models without a significant difference: best mean rank, worst mean rank, and drawing level."""

    low: float
    high: float
    level: int


class RankDiagram(NamedTuple):
    """Models and their mean ranks, best first, the crossbars, the critical difference, and the number of data sets."""

    models: tuple[str, ...]
    ranks: tuple[float, ...]
    crossbars: tuple[Crossbar, ...]
    critical_difference: float
    data_sets: int


def rank_diagram(ranking: Ranking) -> RankDiagram:
    """Gather the values of the diagram. A model that differs from all others has no crossbar."""
    rank = dict(zip(ranking.models, ranking.ranks, strict=True))
    groups = [tie for tie in ranking.ties if len(tie) > 1]
    crossbars = tuple(Crossbar(rank[group[0]], rank[group[-1]], level) for level, group in enumerate(groups))
    return RankDiagram(ranking.models, ranking.ranks, crossbars, ranking.critical_difference, len(ranking.data))


@styled
def rank_diagram_figure(values: RankDiagram) -> Figure:
    """Draw the best rank on the left; the better half of the models is labelled on the left, the rest on the right."""
    count = len(values.models)
    left = (count + 1) // 2
    top = 0.45 * len(values.crossbars) + 0.6
    figure = new_figure(0.9 + 0.2 * (top + left))
    axes = figure.subplots()
    hide_axes(axes)
    axes.plot([1, count], [0, 0], color=INK, linewidth=0.9)
    for whole in range(1, count + 1):
        axes.plot([whole, whole], [0, -0.2], color=INK, linewidth=0.9)
        axes.annotate(str(whole), (whole, -0.3), ha="center", va="bottom", color=MUTED)
    for crossbar in values.crossbars:
        height = 0.45 * (crossbar.level + 1)
        axes.plot([crossbar.low - 0.03, crossbar.high + 0.03], [height, height], color=BLUE, linewidth=3.5)
    ends = (1 - 0.12 * count, count + 0.12 * count)
    for place, (model, rank) in enumerate(zip(values.models, values.ranks, strict=True)):
        on_left = place < left
        depth = top + (place if on_left else count - 1 - place)
        end = ends[0] if on_left else ends[1]
        axes.plot([rank, rank, end], [0, depth, depth], color=MUTED, linewidth=0.8)
        axes.annotate(
            f"{model}  {rank:.2f}" if on_left else f"{rank:.2f}  {model}",
            (end, depth),
            xytext=(-3 if on_left else 3, 0),
            textcoords="offset points",
            ha="right" if on_left else "left",
            va="center",
        )
    axes.plot([1, 1 + values.critical_difference], [-1.5, -1.5], color=INK, linewidth=1.6)
    axes.annotate(
        f"critical difference {values.critical_difference:.2f}",
        (1, -1.7),
        ha="left",
        va="bottom",
        annotation_clip=False,
    )
    axes.set_ylim(top + left - 0.4, -2.4)
    axes.set_xlim(ends[0] - 0.02, max(ends[1], 1 + values.critical_difference) + 0.02)
    axes.set_title(f"Mean ranks on {values.data_sets} data sets; blue: no significant difference", loc="center")
    return figure
