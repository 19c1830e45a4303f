"""The models of a comparison, one row each: the primary metric with its interval, and the costs."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from pipeline.evaluation.metrics import LOWER_IS_BETTER
from pipeline.reporting import costs, reactions
from pipeline.reporting.content import Comparison, ModelResult, metric_label
from pipeline.reporting.costs import Cost
from pipeline.reporting.tables.text_table import Table
from pipeline.reporting.text import quantities
from pipeline.statistics.results import Estimate


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


def lead_table(comparison: Comparison, letters: Mapping[str, str]) -> Table:
    """The models by the primary metric, with the costs that decide; `letters` are those of the ties of each model."""
    metric = comparison.primary_metric
    estimates = {one.model: one for one in comparison.certainty.estimates}
    models = {model.name: model for model in comparison.models}
    rows = comparison_rows(comparison)
    direction = "lower" if metric in LOWER_IS_BETTER else "higher"
    spread = (
        "mean ± standard deviation over replicates" if max(len(row.values) for row in rows) > 1 else "one replicate"
    )
    bound = any(model.uncounted for model in comparison.models)
    leading = reactions.LEADING if comparison.shifts else ()
    return Table(
        caption=f"Best mean first ({direction} is better; {spread}). Models that share a letter are tied: none is "
        "shown to be better than another."
        + (f" Baselines: {', '.join(comparison.baselines)}." if comparison.baselines else "")
        + (f" {reactions.explained(leading, comparison.shifts)}" if leading else "")
        + (" ≥ marks a lower bound, because some layers are not counted." if bound else ""),
        header=(
            "model",
            "tie",
            f"test {metric_label(metric)}",
            f"{quantities.confidence(comparison.certainty.level)} interval",
            *(reaction.label for reaction in leading),
            *(cost.label for cost in costs.LEADING),
        ),
        rows=tuple(
            (
                row.model,
                letters.get(row.model) or "–",
                quantities.spread(row.values),
                _interval(estimates.get(row.model)),
                *_reactions(comparison, row.model, leading),
                *_costs(models[row.model], costs.LEADING),
            )
            for row in rows
        ),
        keys=tuple(
            (
                None,
                None,
                row.mean,
                _low(estimates.get(row.model)),
                *(reactions.mean_reaction(comparison.shifts, row.model, one.key) for one in leading),
                *_amounts(models[row.model], costs.LEADING),
            )
            for row in rows
        ),
    )


def details_table(comparison: Comparison) -> Table:
    """The models with their validation score, their receptive field and all costs."""
    metric = comparison.primary_metric
    models = {model.name: model for model in comparison.models}
    ordered = [models[row.model] for row in comparison_rows(comparison)]
    measured = reactions.REACTIONS if comparison.shifts else ()
    return Table(
        caption="Choose settings by the validation score; expect the test score on new images. "
        + (f"{reactions.explained(measured, comparison.shifts)} " if measured else "")
        + "Multiply–accumulates are those of one forward pass. Training time is per replicate. Time per image is "
        "measured on whole batches and includes reading and standardising.",
        header=(
            "model",
            f"validation {metric_label(metric)}",
            *(reaction.label for reaction in measured),
            "receptive field",
            *(cost.label for cost in costs.COLUMNS),
        ),
        rows=tuple(
            (
                model.name,
                quantities.spread(model.validation.get(metric, ())),
                *_reactions(comparison, model.name, measured),
                quantities.sides(model.receptive_field, " × "),
                *_costs(model, costs.COLUMNS),
            )
            for model in ordered
        ),
        keys=tuple(
            (
                None,
                quantities.mean(model.validation.get(metric, ())),
                *(reactions.mean_reaction(comparison.shifts, model.name, one.key) for one in measured),
                float(np.prod(model.receptive_field)) if model.receptive_field else float("nan"),
                *_amounts(model, costs.COLUMNS),
            )
            for model in ordered
        ),
    )


def _interval(estimate: Estimate | None) -> str:
    return (quantities.interval(estimate.low, estimate.high) if estimate else "") or "–"


def _low(estimate: Estimate | None) -> float:
    return estimate.low if estimate else float("nan")


def _reactions(comparison: Comparison, model: str, shown: Sequence[reactions.Reaction]) -> list[str]:
    means = [reactions.mean_reaction(comparison.shifts, model, one.key) for one in shown]
    return ["–" if value != value else quantities.score(value) for value in means]


def _costs(model: ModelResult, shown: Sequence[Cost]) -> list[str]:
    return [model.cost_text(cost) for cost in shown]


def _amounts(model: ModelResult, shown: Sequence[Cost]) -> list[float]:
    return [model.mean_cost(cost.key) for cost in shown]


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
