"""Share views of an experiment that show the compared models: as a table, as charts, and side by side."""

from collections.abc import Mapping, Sequence

from pipeline.evaluation.metrics import LOWER_IS_BETTER
from pipeline.reporting.content import Comparison
from pipeline.reporting.costs import COLUMNS, DRAWN
from pipeline.tracking import views
from pipeline.tracking.names import CHARTS_VIEW, COST, SCORE, SIDE_BY_SIDE_VIEW, TABLE_VIEW, VERDICT
from pipeline.tracking.tracker import Tracker

MAX_SETTINGS = 8
"""Settings in the table, which differ between the models."""


def share_views(
    tracker: Tracker, comparison: Comparison, different: Mapping[str, Mapping[str, object]], tags: Sequence[str]
) -> None:
    """Share the three views of the compared models, sorted by the primary metric, the best first.

    Args:
        tracker: the experiment.
        comparison: the comparison.
        different: the settings that differ, each with its values by model.
        tags: the tags that hold these settings.
    """
    metric, ascending = f"test/{comparison.primary_metric}", comparison.primary_metric in LOWER_IS_BETTER
    costs = [cost.key for cost in DRAWN[:3]]
    # The columns that a window of 1400 pixels shows come first.
    first = [*(COST + cost for cost in costs), *tags[:MAX_SETTINGS]]
    columns = {VERDICT: views.WIDE, SCORE: views.WIDE}
    columns |= dict.fromkeys([*first, *(COST + cost.key for cost in COLUMNS if cost.key not in costs)], views.NARROW)
    # MLflow leaves out the line of a model that lacks a parameter.
    parameters = [name for name, values in different.items() if len(values) == len(comparison.networks)]
    shared = {
        TABLE_VIEW: views.table_view(tags=columns, order_by=metric, ascending=ascending),
        CHARTS_VIEW: views.charts_view(metric=metric, costs=costs, parameters=parameters, ascending=ascending),
        SIDE_BY_SIDE_VIEW: views.side_by_side_view(metric=metric, ascending=ascending),
    }
    for name, view in shared.items():
        tracker.share_view(name, view)
