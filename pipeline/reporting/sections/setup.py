"""The settings of the models: those that differ, and those that they share."""

from pipeline.reporting.blocks import Block, Fold, Section, TableBlock
from pipeline.reporting.content import Comparison
from pipeline.reporting.tables.settings import common_table, differing_table


def section(comparison: Comparison) -> Section:
    """Return the differing settings, with the common ones in a folded block."""
    differing, common = differing_table(comparison), common_table(comparison)
    blocks: list[Block] = [TableBlock(differing)] if differing.rows else []
    if common.rows:
        owner = "of the model" if len(comparison.networks) == 1 else "that all models share"
        blocks.append(Fold(f"{len(common.rows)} settings {owner}", (TableBlock(common),)))
    return Section("settings", "Settings", tuple(blocks), "what differs between the models, and what they share")
