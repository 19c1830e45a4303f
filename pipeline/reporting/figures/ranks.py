"""The critical-difference diagram: models on a line by their mean rank over data sets, ties joined (Demšar 2006)."""

from typing import NamedTuple

from matplotlib.figure import Figure

from pipeline.reporting.figures.style import BLUE, INK, MUTED, hide_axes, new_figure, styled
from pipeline.statistics.ranks import Ranking


class Bar(NamedTuple):
    """Models that cannot be told apart, from the best to the worst of their mean ranks, on a level of its own."""

    low: float
    high: float
    level: int


class CriticalDifference(NamedTuple):
    """What the diagram shows: names and mean ranks, best first, the bars, and the critical difference."""

    models: tuple[str, ...]
    ranks: tuple[float, ...]
    bars: tuple[Bar, ...]
    difference: float
    data: int


def critical_difference(ranking: Ranking) -> CriticalDifference:
    """The diagram's values; a model that is tied with none has no bar."""
    rank = dict(zip(ranking.models, ranking.ranks, strict=True))
    several = [tie for tie in ranking.ties if len(tie) > 1]
    bars = tuple(Bar(rank[tie[0]], rank[tie[-1]], level) for level, tie in enumerate(several))
    return CriticalDifference(ranking.models, ranking.ranks, bars, ranking.critical_difference, len(ranking.data))


@styled
def critical_difference_figure(values: CriticalDifference) -> Figure:
    """The better half of the models is named on the left, the other on the right; the best rank is on the left."""
    count = len(values.models)
    left = (count + 1) // 2
    top = 0.45 * len(values.bars) + 0.6
    figure = new_figure(0.9 + 0.2 * (top + left))
    axes = figure.subplots()
    hide_axes(axes)
    axes.plot([1, count], [0, 0], color=INK, linewidth=0.9)
    for whole in range(1, count + 1):
        axes.plot([whole, whole], [0, -0.2], color=INK, linewidth=0.9)
        axes.annotate(str(whole), (whole, -0.3), ha="center", va="bottom", color=MUTED)
    for bar in values.bars:
        height = 0.45 * (bar.level + 1)
        axes.plot([bar.low - 0.03, bar.high + 0.03], [height, height], color=BLUE, linewidth=3.5)
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
    axes.plot([1, 1 + values.difference], [-1.5, -1.5], color=INK, linewidth=1.6)
    axes.annotate(
        f"critical difference {values.difference:.2f}", (1, -1.7), ha="left", va="bottom", annotation_clip=False
    )
    axes.set_ylim(top + left - 0.4, -2.4)
    axes.set_xlim(ends[0] - 0.02, max(ends[1], 1 + values.difference) + 0.02)
    axes.set_title(f"Mean ranks on {values.data} data sets; blue: not told apart", loc="center")
    return figure
