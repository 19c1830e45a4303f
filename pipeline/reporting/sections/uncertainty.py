"""How the models were compared, and the meaning of the statistical terms."""

from pipeline.counts import number_of
from pipeline.reporting.blocks import Block, Fold, Paragraph, Section, TableBlock, Terms
from pipeline.reporting.content import Comparison, metric_label
from pipeline.reporting.tables.models import replicates_table
from pipeline.reporting.text import reuse
from pipeline.reporting.text.explanations import explanations
from pipeline.reporting.text.quantities import count, sides
from pipeline.reporting.text.search import ending, looks_taken


def section(comparison: Comparison) -> Section:
    """Return what was compared, the explanations, and how often the test images were used."""
    blocks: list[Block] = [Paragraph(" ".join(_summary(comparison))), *_search(comparison)]
    if comparison.replicates == 1:
        blocks.append(
            Paragraph(
                "Every model was trained once. It is unknown how much its "
                f"{metric_label(comparison.primary_metric)} would change in a second training with other initial "
                "weights and other training images, so a difference between two models may be random."
            )
        )
    blocks += [
        Terms(
            (*explanations(comparison.certainty), ("Use of the test images", " ".join(reuse.sentences(comparison)))),
            columns=True,
        ),
        Fold("Every replicate", (TableBlock(replicates_table(comparison)),)),
    ]
    return Section(
        "certainty", "How certain is this?", tuple(blocks), "intervals, tests, replicates, use of the test images"
    )


def _search(comparison: Comparison) -> tuple[Paragraph, ...]:
    """How many replicates were trained for a verdict; nothing with a fixed number."""
    plan = comparison.plan
    if plan is None or plan.search is None:
        return ()
    return (Paragraph(f"{looks_taken(plan.search.schedule)} {ending(plan, comparison.certainty, plan.search)}"),)


def _summary(comparison: Comparison) -> list[str]:
    skipped = comparison.certainty.skipped
    data, several = comparison.data, len(comparison.models) > 1
    unseen = "in the same replicate" if comparison.certainty.design in ("redrawn", "folds") else "in any replicate"
    paired = ["The same replicate of every model uses the same images, so models are compared in pairs."]
    return [
        f"{data.title}: {count(data.images)} images of {sides(data.image_shape, ' × ')}, {len(data.classes)} classes.",
        f"Split: {data.split_strategy}.",
        *(paired if several else []),
        *([f"Baselines, which have no network: {', '.join(comparison.baselines)}."] if comparison.baselines else []),
        f"Test scores come from images that no model was trained on {unseen}.",
        *([_skipped(skipped)] if skipped else []),
    ]


def _skipped(number: int) -> str:
    lack, are = ("lacks", "is") if number == 1 else ("lack", "are")
    return f"{number_of(number, 'test set')} {lack} a class and {are} left out of the analysis."
