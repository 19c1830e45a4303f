"""The tables of a report: rows of numbers, the same as text, and that text as Markdown."""

from collections.abc import Mapping, Set
from typing import NamedTuple

import numpy as np

from pipeline.evaluation.metrics import LOWER_IS_BETTER, METRICS
from pipeline.reporting.content import Comparison, DataSummary, metric_label
from pipeline.reporting.tables.text_table import Table
from pipeline.reporting.text import quantities
from pipeline.statistics.results import LEVEL

FURTHER_METRICS = ("accuracy", "balanced_accuracy", "roc_auc", "log_loss")


class ComparisonRow(NamedTuple):
    """One model in numbers; `deviation` is the sample standard deviation over replicates, NaN of one replicate."""

    model: str
    mean: float
    deviation: float
    values: tuple[float, ...]
    parameters: int
    multiply_accumulates: int
    receptive_field: tuple[int, ...] | None
    train_seconds: float
    seconds_per_image: float


def comparison_rows(comparison: Comparison) -> tuple[ComparisonRow, ...]:
    """One row per model, best mean of the primary metric first; without a finite one, or asked otherwise, last."""
    rows = [
        ComparisonRow(
            model=model.name,
            mean=quantities.mean(model.scores[comparison.primary_metric]),
            deviation=quantities.deviation(model.scores[comparison.primary_metric]),
            values=tuple(model.scores[comparison.primary_metric]),
            parameters=model.parameters,
            multiply_accumulates=model.multiply_accumulates,
            receptive_field=model.receptive_field,
            train_seconds=quantities.mean(model.train_seconds),
            seconds_per_image=quantities.mean(model.seconds_per_image),
        )
        for model in comparison.models
    ]
    sign = 1 if comparison.primary_metric in LOWER_IS_BETTER else -1
    # NaN compares false with everything: told apart first, it cannot disturb the order of the others.
    asked_otherwise = {model.name for model in comparison.models if model.question is not None}
    return tuple(
        sorted(rows, key=lambda row: (row.model in asked_otherwise, row.mean != row.mean, sign * row.mean, row.model))
    )


def comparison_table(comparison: Comparison, letters: Mapping[str, str]) -> Table:
    """The models by the primary metric, with what each costs; `letters` are those of the ties of each model."""
    label = metric_label(comparison.primary_metric)
    direction = "low" if comparison.primary_metric in LOWER_IS_BETTER else "high"
    spread = "mean ± standard deviation over replicates" if comparison.replicates > 1 else "one replicate"
    estimates = {one.model: one for one in comparison.certainty.estimates}
    models = {model.name: model for model in comparison.models}
    rows: list[tuple[str, ...]] = []
    keys: list[tuple[float | None, ...]] = []
    for row in comparison_rows(comparison):
        validation = models[row.model].validation.get(comparison.primary_metric, ())
        estimate = estimates.get(row.model)
        size = float(np.prod(row.receptive_field)) if row.receptive_field else float("nan")
        rows.append(
            (
                row.model,
                letters.get(row.model) or "–",
                quantities.spread(row.values),
                (quantities.interval(estimate.low, estimate.high) if estimate else "") or "–",
                quantities.spread(validation),
                quantities.count(row.parameters),
                ("≥ " if models[row.model].uncounted else "") + quantities.magnitude(row.multiply_accumulates),
                " × ".join(map(str, row.receptive_field)) if row.receptive_field else "–",
                quantities.duration(row.train_seconds),
                quantities.latency(row.seconds_per_image),
            )
        )
        keys.append(
            (
                None,
                None,
                row.mean,
                estimate.low if estimate else float("nan"),
                quantities.mean(validation),
                row.parameters,
                row.multiply_accumulates,
                size,
                row.train_seconds,
                row.seconds_per_image,
            )
        )
    return Table(
        caption=f"Models by test {label} (better {direction}; {spread}). Models that share a letter are a tie: none of "
        "them is known to be better than another. Settings are chosen by the validation score; the test score says "
        "what to expect of new images. Multiply–accumulates are those of one image going forward; training time is "
        "that of one replicate, and the time per image is that of whole batches, reading and standardising included."
        + (" ≥ marks a lower bound: some layers are not counted." if any(m.uncounted for m in models.values()) else ""),
        header=(
            "model",
            "tie",
            f"test {label}",
            f"{quantities.share(LEVEL)} interval",
            f"validation {label}",
            "parameters",
            "multiply–accumulates",
            "receptive field",
            "training",
            "per image",
        ),
        rows=tuple(rows),
        keys=tuple(keys),
    )


def replicates_table(comparison: Comparison) -> Table:
    """The primary metric of every replicate, of test images and of validation images."""
    models = {model.name: model for model in comparison.models}
    label = metric_label(comparison.primary_metric)
    return Table(
        caption=f"{label[0].upper()}{label[1:]} of every replicate, in the same order for all models.",
        header=("model", "test", "validation"),
        rows=tuple(
            (
                row.model,
                *(
                    " ".join(map(quantities.score, values)) or "–"
                    for values in (row.values, models[row.model].validation.get(comparison.primary_metric, ()))
                ),
            )
            for row in comparison_rows(comparison)
        ),
    )


def subgroup_table(comparison: Comparison, metric: str) -> Table:
    """One metric for each subgroup of the test images alone, beside all of them."""
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
    """The tables of the metrics that a subgroup has, the primary one first; none without subgroups."""
    found = [metrics for model in comparison.models for metrics in model.subgroups.values()]
    present = {metric for metrics in found for metric in metrics}
    return tuple(subgroup_table(comparison, metric) for metric in _in_order(present, first=comparison.primary_metric))


def other_metrics_table(comparison: Comparison) -> Table:
    """Every metric but the primary one, models in the order of the comparison table; of further outputs none."""
    models = {model.name: model for model in comparison.models}
    present = {metric for model in comparison.models for metric in model.scores if "/" not in metric}
    metrics = _in_order(present - {comparison.primary_metric})
    values = {
        row.model: [models[row.model].scores.get(metric, ()) for metric in metrics]
        for row in comparison_rows(comparison)
    }
    return Table(
        caption="Other test metrics, mean ± standard deviation over replicates. ↓ marks those that are better low.",
        header=("model", *map(_marked, metrics)),
        rows=tuple((model, *map(quantities.spread, ones)) for model, ones in values.items()),
        keys=tuple((None, *map(quantities.mean, ones)) for ones in values.values()),
    )


def further_outputs_table(comparison: Comparison) -> Table:
    """What models with several outputs say beside the one they are compared by: a row for each further output."""
    models = {model.name: model for model in comparison.models}
    rows = [
        (name, output)
        for name in (row.model for row in comparison_rows(comparison))
        for output in sorted({metric.split("/")[0] for metric in models[name].scores if "/" in metric})
    ]
    return Table(
        caption="Further outputs, mean ± standard deviation over replicates. ↓ marks those that are better low.",
        header=("model", "output", *map(_marked, FURTHER_METRICS)),
        rows=tuple(
            (
                name,
                metric_label(output),
                *(quantities.spread(models[name].scores.get(f"{output}/{metric}", ())) for metric in FURTHER_METRICS),
            )
            for name, output in rows
        ),
    )


def other_questions(comparison: Comparison) -> tuple[str, ...]:
    """A sentence for each model that was asked something else than the class of an image."""
    return tuple(
        f"{model.name} says {model.question}, so its scores do not stand beside those of the others."
        for model in comparison.models
        if model.question is not None
    )


def counts_table(data: DataSummary) -> Table:
    """Images per class and split, with sums."""
    splits = tuple(data.counts)
    columns = [[data.counts[split].get(name, 0) for name in data.classes] for split in splits]
    bodies = zip(*columns, strict=True) if splits else ((),) * len(data.classes)
    numbers = [
        *((name, tuple(row)) for name, row in zip(data.classes, bodies, strict=True)),
        ("all", tuple(sum(column) for column in columns)),
    ]
    return Table(
        caption="Images per class and split, as replicate 0 has them.",
        header=("class", *splits, "all"),
        rows=tuple((name, *map(quantities.count, row), quantities.count(sum(row))) for name, row in numbers),
    )


def versions_table(comparison: Comparison) -> Table:
    """The software the numbers were made with."""
    return Table("Versions", ("software", "version"), tuple(sorted(comparison.versions.items())))


def _in_order(metrics: Set[str], *, first: str | None = None) -> list[str]:
    """Metrics as we list them, those that we do not know last."""
    known = [metric for metric in METRICS if metric in metrics]
    ordered = known + sorted(metrics - set(known))
    return sorted(ordered, key=lambda metric: metric != first)


def _marked(metric: str) -> str:
    return metric_label(metric) + (" ↓" if metric in LOWER_IS_BETTER else "")
