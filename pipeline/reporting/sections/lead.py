"""The lead of the report: the answer, warnings, and what was compared."""

from pipeline.reporting.blocks import Block, Link, Paragraph
from pipeline.reporting.content import Comparison
from pipeline.reporting.text import reuse
from pipeline.reporting.text.conclusions import answer
from pipeline.reporting.text.quantities import count, sides


def title(comparison: Comparison) -> str:
    """Return the title of the report."""
    return f"Comparison on {comparison.data.name}"


def blocks(comparison: Comparison) -> tuple[Block, ...]:
    """Return the answer, the warning about used test images if there is one, the summary and the link to MLflow."""
    parts: list[Block] = [
        Paragraph(answer(comparison.certainty, comparison.decisive_costs, baselines=comparison.baselines), "answer")
    ]
    if reuse.warning_needed(comparison):
        parts.append(Paragraph(" ".join(reuse.sentences(comparison)), "warning"))
    parts.append(Paragraph(" ".join(_summary(comparison))))
    if comparison.tracking_link:
        parts.append(Link("Open the runs in MLflow", comparison.tracking_link))
    return tuple(parts)


def _summary(comparison: Comparison) -> list[str]:
    data, models = comparison.data, [model.name for model in comparison.networks]
    several = len(models) > 1
    times = "once" if comparison.replicates_range == "1" else f"{comparison.replicates_range} times"
    unseen = "in the same replicate" if comparison.certainty.design == "redrawn" else "in any replicate"
    return [
        f"{len(models)} {'models were each' if several else 'model was'} trained {times} on {data.name} "
        f"({count(data.images)} images of {sides(data.image_shape, ' × ')}, {len(data.classes)} classes): "
        f"{', '.join(models)}.",
        *([f"Baselines, which have no network: {', '.join(comparison.baselines)}."] if comparison.baselines else []),
        f"Split: {data.split_strategy}.",
        *(
            ["The same replicate of every model uses the same images, so models are compared in pairs."]
            if several
            else []
        ),
        f"Test scores come from images that no model was trained on {unseen}.",
    ]
