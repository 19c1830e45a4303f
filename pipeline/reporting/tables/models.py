"""The models of a comparison, one row each: the primary metric with its interval, and the costs."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from pipeline.evaluation.metrics import LOWER_IS_BETTER
from pipeline.reporting import costs
from pipeline.reporting.content import Comparison, ModelResult, metric_label
from pipeline.reporting.tables.text_table import Table
from pipeline.reporting.text import quantities
from pipeline.statistics.results import LEVEL, Estimate

INTERVAL_COLUMN = 3


class ComparisonRow(NamedTuple):
    """One model in numbers: mean and sample standard deviation of the primary metric (NaN for one), and its values."""

    model: str
    mean: float
    deviation: float
    values: tuple[float, ...]


def comparison_rows(comparison: Comparison) -> tuple[ComparisonRow, ...]:
    """One row per model, the best mean first.

    Models without a finite mean follow, then models whose scores cannot be compared with those of the others.
    """
    rows = [
        ComparisonRow(model.name, quantities.mean(scores), quantities.deviation(scores), tuple(scores))
        for model in comparison.models
        for scores in [model.scores[comparison.primary_metric]]
    ]
    sign = 1 if comparison.primary_metric in LOWER_IS_BETTER else -1
    comparable = {model.name for model in comparison.comparable}
    # NaN has its own key, because it compares false with everything and would disturb the order of the others.
    return tuple(
        sorted(rows, key=lambda row: (row.model not in comparable, row.mean != row.mean, sign * row.mean, row.model))
    )


def comparison_table(comparison: Comparison, letters: Mapping[str, str]) -> Table:
    """The models by the primary metric, with the costs of each; `letters` are those of the ties of each model."""
    metric, label = comparison.primary_metric, metric_label(comparison.primary_metric)
    estimates = {one.model: one for one in comparison.certainty.estimates}
    models = {model.name: model for model in comparison.models}
    rows = comparison_rows(comparison)
    return Table(
        caption=_caption(comparison, label),
        header=(
            "model",
            "tie",
            f"test {label}",
            f"{quantities.share(LEVEL)} interval",
            f"validation {label}",
            "receptive field",
            *(cost.label for cost in costs.COLUMNS),
        ),
        rows=tuple(
            _cells(row, models[row.model], estimates.get(row.model), metric, letters.get(row.model) or "–")
            for row in rows
        ),
        keys=tuple(_keys(row, models[row.model], estimates.get(row.model), metric) for row in rows),
    )


def _cells(
    row: ComparisonRow, model: ModelResult, estimate: Estimate | None, metric: str, letters: str
) -> tuple[str, ...]:
    """The texts of one row of the comparison table."""
    return (
        row.model,
        letters,
        quantities.spread(row.values),
        (quantities.interval(estimate.low, estimate.high) if estimate else "") or "–",
        quantities.spread(model.validation.get(metric, ())),
        quantities.sides(model.receptive_field, " × "),
        *(costs.amount(cost, model.mean_cost(cost.key), bound=bool(model.uncounted)) for cost in costs.COLUMNS),
    )


def _keys(row: ComparisonRow, model: ModelResult, estimate: Estimate | None, metric: str) -> tuple[float | None, ...]:
    """The numbers by which the columns of one row are sorted; None for columns of text."""
    field = model.receptive_field
    return (
        None,
        None,
        row.mean,
        estimate.low if estimate else float("nan"),
        quantities.mean(model.validation.get(metric, ())),
        float(np.prod(field)) if field else float("nan"),
        *(model.mean_cost(cost.key) for cost in costs.COLUMNS),
    )


def _caption(comparison: Comparison, label: str) -> str:
    direction = "lower" if comparison.primary_metric in LOWER_IS_BETTER else "higher"
    spread = "mean ± standard deviation over replicates" if comparison.replicates > 1 else "one replicate"
    bound = any(model.uncounted for model in comparison.models)
    return (
        f"Models by test {label} ({direction} is better; {spread}). Models that share a letter are tied: none is shown "
        "to be better than another. Choose settings by the validation score; expect the test score on new images. "
        "Multiply–accumulates are those of one forward pass. Training time is per replicate. Time per image is "
        "measured on whole batches and includes reading and standardising."
        + (f" Baselines: {', '.join(comparison.baselines)}." if comparison.baselines else "")
        + (" ≥ marks a lower bound, because some layers are not counted." if bound else "")
    )


def replicates_table(comparison: Comparison) -> Table:
    """The primary metric of every replicate, on test images and on validation images."""
    models = {model.name: model for model in comparison.models}
    metric = comparison.primary_metric
    return Table(
        caption=f"{quantities.capitalized(metric_label(metric))} of every replicate, in the same order for all models.",
        header=("model", "test", "validation"),
        rows=tuple(
            (
                row.model,
                *(
                    " ".join(map(quantities.score, values)) or "–"
                    for values in (row.values, models[row.model].validation.get(metric, ()))
                ),
            )
            for row in comparison_rows(comparison)
        ),
    )
