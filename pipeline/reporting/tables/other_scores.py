"""Scores other than the primary metric: other metrics, further outputs, and subgroups of the test images."""

from collections.abc import Set

from pipeline.evaluation.metrics import LOWER_IS_BETTER, METRICS
from pipeline.reporting.content import Comparison, metric_label
from pipeline.reporting.tables.models import comparison_rows
from pipeline.reporting.tables.text_table import Table
from pipeline.reporting.text import quantities


def other_metrics_table(comparison: Comparison) -> Table:
    """Every metric but the primary one, models in the order of the comparison table; without further outputs."""
    models = {model.name: model for model in comparison.models}
    present = {metric for model in comparison.models for metric in model.scores if "/" not in metric}
    metrics = _in_order(present - {comparison.primary_metric})
    values = {
        row.model: [models[row.model].scores.get(metric, ()) for metric in metrics]
        for row in comparison_rows(comparison)
    }
    return Table(
        caption="Other test metrics, mean ± standard deviation over replicates. ↓ marks metrics of which lower values "
        "are better.",
        header=("model", *map(_marked, metrics)),
        rows=tuple((model, *map(quantities.spread, ones)) for model, ones in values.items()),
        keys=tuple((None, *map(quantities.mean, ones)) for ones in values.values()),
    )


def further_outputs_table(comparison: Comparison) -> Table:
    """The scores of models with several outputs: one row for each output beside the compared one."""
    models = {model.name: model for model in comparison.models}
    metrics = [name for name, metric in METRICS.items() if metric.for_further_outputs]
    rows = [
        (name, output)
        for name in (row.model for row in comparison_rows(comparison))
        for output in sorted({metric.split("/")[0] for metric in models[name].scores if "/" in metric})
    ]
    return Table(
        caption="Further outputs, mean ± standard deviation over replicates. ↓ marks metrics of which lower values are "
        "better.",
        header=("model", "output", *map(_marked, metrics)),
        rows=tuple(
            (
                name,
                metric_label(output),
                *(quantities.spread(models[name].scores.get(f"{output}/{metric}", ())) for metric in metrics),
            )
            for name, output in rows
        ),
    )


def subgroup_table(comparison: Comparison, metric: str) -> Table:
    """One metric on each subgroup of the test images, beside all test images."""
    models = {model.name: model for model in comparison.models}
    subgroups = sorted({subgroup for model in comparison.models for subgroup in model.subgroups})
    rows: list[tuple[str, ...]] = []
    keys: list[tuple[float | None, ...]] = []
    for row in comparison_rows(comparison):
        model = models[row.model]
        parts = [model.subgroups.get(subgroup, {}).get(metric, ()) for subgroup in subgroups]
        values = [model.scores.get(metric, ()), *parts]
        rows.append((row.model, *map(quantities.spread, values)))
        keys.append((None, *map(quantities.mean, values)))
    return Table(
        caption=f"Test {_marked(metric)} by subgroup, mean ± standard deviation over replicates.",
        header=("model", "all images", *subgroups),
        rows=tuple(rows),
        keys=tuple(keys),
    )


def subgroup_tables(comparison: Comparison) -> tuple[Table, ...]:
    """One table per metric of the subgroups, the primary metric first; empty without subgroups."""
    scores = [metrics for model in comparison.models for metrics in model.subgroups.values()]
    present = {metric for metrics in scores for metric in metrics}
    return tuple(subgroup_table(comparison, metric) for metric in _in_order(present, first=comparison.primary_metric))


def _in_order(metrics: Set[str], *, first: str | None = None) -> list[str]:
    """Known metrics in their usual order, then all others by name."""
    known = [metric for metric in METRICS if metric in metrics]
    ordered = known + sorted(metrics - set(known))
    return sorted(ordered, key=lambda metric: metric != first)


def _marked(metric: str) -> str:
    return metric_label(metric) + (" ↓" if metric in LOWER_IS_BETTER else "")
