"""The scores on each subgroup of the test images."""

from pipeline.reporting.blocks import Block, Fold, Section, TableBlock
from pipeline.reporting.content import Comparison
from pipeline.reporting.tables.other_scores import subgroup_tables


def section(comparison: Comparison) -> Section | None:
    """Return the table of the primary metric, with those of the other metrics in a folded block."""
    tables = subgroup_tables(comparison)
    if not tables:
        return None
    first, *others = map(TableBlock, tables)
    blocks: tuple[Block, ...] = (first, Fold("Other metrics by subgroup", tuple(others))) if others else (first,)
    return Section("subgroups", "By subgroup", blocks, "scores on parts of the test images")
