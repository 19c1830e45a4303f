"""The tables of a report: rows of numbers, the same as text, and that text as Markdown."""

import re
from typing import NamedTuple

from pipeline.evaluation.metrics import LOWER_IS_BETTER
from pipeline.reporting import quantities
from pipeline.reporting.values import METRIC_LABELS, Comparison, DataSummary, metric_label

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


class Table(NamedTuple):
    """A table of text: as many cells in every row as in the header, the first of a row naming it."""

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


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


def comparison_table(comparison: Comparison) -> Table:
    """The models by the primary metric, with what each costs."""
    label = metric_label(comparison.primary_metric)
    direction = "low" if comparison.primary_metric in LOWER_IS_BETTER else "high"
    spread = "mean ± standard deviation over replicates" if comparison.replicates > 1 else "one replicate"
    return Table(
        caption=f"Models by test {label} (better {direction}; {spread}). Multiply–accumulates are those of one "
        "image going forward; training time is that of one replicate, and the time per image is that of whole batches, "
        "reading and standardising included.",
        header=(
            "model",
            f"test {label}",
            "replicates",
            "parameters",
            "multiply–accumulates",
            "receptive field",
            "training",
            "per image",
        ),
        rows=tuple(
            (
                row.model,
                quantities.spread(row.values),
                " ".join(quantities.score(value) for value in row.values),
                quantities.count(row.parameters),
                quantities.magnitude(row.multiply_accumulates),
                " × ".join(map(str, row.receptive_field)) if row.receptive_field else "–",
                quantities.duration(row.train_seconds),
                quantities.latency(row.seconds_per_image),
            )
            for row in comparison_rows(comparison)
        ),
    )


def other_metrics_table(comparison: Comparison) -> Table:
    """Every metric but the primary one, models in the order of the comparison table; of further outputs none."""
    models = {model.name: model for model in comparison.models}
    present = {metric for model in comparison.models for metric in model.scores if "/" not in metric}
    present -= {comparison.primary_metric}
    listed = [metric for metric in METRIC_LABELS if metric in present]
    metrics = listed + sorted(present - set(listed))
    return Table(
        caption="Other test metrics, mean ± standard deviation over replicates. ↓ marks those that are better low.",
        header=("model", *map(_marked, metrics)),
        rows=tuple(
            (row.model, *(quantities.spread(models[row.model].scores.get(metric, ())) for metric in metrics))
            for row in comparison_rows(comparison)
        ),
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


def escaped(text: str) -> str:
    r"""Text that Markdown shows as it is, in a table cell too; line ends become spaces.

    >>> print(escaped("a|b <i> fully_connected *x*"))
    a\|b \<i\> fully_connected \*x\*
    """
    marked = re.sub(r"([\\`*\[\]<>|~#])", r"\\\1", " ".join(text.split()))
    # Inside a word an underscore is plain, so that `fully_connected` stays readable in the source.
    return re.sub(r"(?<!\w)_|_(?!\w)", r"\\_", marked).replace("&", "&amp;")


def markdown(table: Table) -> str:
    """The table in GitHub's Markdown, its caption as a line above it; all columns but the first to the right.

    >>> print(markdown(Table("Sums", ("term", "sum"), (("1 + 1", "2"),))))
    Sums
    <BLANKLINE>
    | term | sum |
    | --- | ---: |
    | 1 + 1 | 2 |
    """
    rule = ("---", *("---:",) * (len(table.header) - 1))
    lines = [tuple(map(escaped, table.header)), rule, *(tuple(map(escaped, row)) for row in table.rows)]
    return "\n".join([escaped(table.caption), "", *("| " + " | ".join(line) + " |" for line in lines)])


def _marked(metric: str) -> str:
    return metric_label(metric) + (" ↓" if metric in LOWER_IS_BETTER else "")
