"""Metrics other than the primary one, and further outputs."""

from pipeline.reporting.blocks import Section, TableBlock
from pipeline.reporting.content import Comparison
from pipeline.reporting.tables.other_scores import further_outputs_table, other_metrics_table


def section(comparison: Comparison) -> Section | None:
    """Return the tables that have content."""
    metrics, outputs = other_metrics_table(comparison), further_outputs_table(comparison)
    tables = [*([metrics] if len(metrics.header) > 1 else []), *([outputs] if outputs.rows else [])]
    return (
        Section("metrics", "Other metrics", tuple(map(TableBlock, tables)), "every metric of every model")
        if tables
        else None
    )
