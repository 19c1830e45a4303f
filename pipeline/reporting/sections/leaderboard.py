"""The models by their scores, with their costs."""

from pipeline.reporting.blocks import Block, Fold, Paragraph, Section, TableBlock
from pipeline.reporting.content import Comparison
from pipeline.reporting.tables.interval_bars import interval_bars
from pipeline.reporting.tables.models import INTERVAL_COLUMN, comparison_table, replicates_table
from pipeline.reporting.tables.pairs import tie_letters


def section(comparison: Comparison) -> Section:
    """Return the comparison table, with the scores of every replicate in a folded block."""
    table = comparison_table(comparison, tie_letters(comparison.certainty))
    blocks: list[Block] = [TableBlock(table, interval_bars(comparison), INTERVAL_COLUMN)]
    blocks += [
        Paragraph(
            f"{model.name} predicts {model.other_target}, so its scores cannot be compared with those of the others."
        )
        for model in comparison.models
        if model.other_target is not None
    ]
    blocks.append(Fold("Every replicate", (TableBlock(replicates_table(comparison)),)))
    return Section("models", "Models", tuple(blocks))
