"""The spread over replicates, and the meaning of the statistical terms."""

import numpy as np

from pipeline.reporting.blocks import Paragraph, Picture, Pictures, Section, Terms
from pipeline.reporting.content import Comparison, metric_label
from pipeline.reporting.figures.spread import Spread, spread, spread_figure
from pipeline.reporting.figures.style import line_styles
from pipeline.reporting.text.explanations import explanations
from pipeline.reporting.text.quantities import score
from pipeline.reporting.text.search import ending, looks_taken


def section(comparison: Comparison) -> Section:
    """Return the figure of all replicates and the explanations."""
    metric, values = comparison.primary_metric, spread(comparison)
    figure = spread_figure(values, metric, line_styles([model.name for model in comparison.models]))
    return Section(
        "certainty",
        "How certain are the results?",
        (
            Paragraph(_introduction(comparison)),
            *_search(comparison),
            Pictures((Picture("spread", _description(values, metric), figure),)),
            Terms(explanations(comparison.certainty), columns=True),
        ),
    )


def _search(comparison: Comparison) -> tuple[Paragraph, ...]:
    """How many replicates were trained for a verdict; nothing with a fixed number."""
    plan = comparison.plan
    if plan is None or plan.search is None:
        return ()
    return (Paragraph(f"{looks_taken(plan.search.schedule)} {ending(plan, comparison.certainty, plan.search)}"),)


def _introduction(comparison: Comparison) -> str:
    if comparison.replicates == 1:
        return (
            "Every model was trained once. It is unknown how much its "
            f"{metric_label(comparison.primary_metric)} would change in a second training with other initial weights "
            "and other training images, so a difference between two models may be random."
        )
    marks = f"Each mark is one of {comparison.replicates_range} replicates, each bar a mean."
    if len(comparison.models) == 1:
        return marks
    return (
        f"{marks} Grey lines connect the same replicate of all models: where they are parallel, the differences "
        "between replicates come from the images, not from the models."
    )


def _description(values: Spread, metric: str) -> str:
    ranges = (
        f"{model} {score(np.nanmin(row))} to {score(np.nanmax(row))}"
        for model, row in zip(values.models, values.scores, strict=True)
        if np.isfinite(row).any()
    )
    return f"Lowest and highest {metric_label(metric)} of a replicate: {'; '.join(ranges)}."
