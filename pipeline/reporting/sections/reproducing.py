"""How to reproduce the results, and the time and space that they took."""

from pipeline.reporting.blocks import Block, Commands, Paragraph, Section, TableBlock, Terms
from pipeline.reporting.content import Comparison, ModelResult
from pipeline.reporting.tables.settings import effort_table, reproduction_table, versions_table


def section(comparison: Comparison) -> Section:
    """Return the commands, the digests, the effort and the versions."""
    blocks: list[Block] = [
        TableBlock(reproduction_table(comparison)),
        Paragraph("To reproduce the whole comparison with this report:"),
        Commands(f"git checkout {comparison.commit}\nmake repro"),
    ]
    if comparison.dirty:
        blocks.append(
            Paragraph(
                "The working tree had uncommitted changes, so the commit alone may not reproduce these numbers.",
                "warning",
            )
        )
    blocks += [
        Paragraph("To check every number of this report, and to follow one model to its commit, images and files:"),
        Commands(verifying(next(iter(comparison.networks), None))),
        Terms((("Commit", comparison.commit), ("Digest of the data", comparison.data_digest))),
        TableBlock(effort_table(comparison)),
        TableBlock(versions_table(comparison)),
    ]
    return Section("reproduce", "How to reproduce", tuple(blocks), "commands, commits, versions, total effort")


def verifying(model: ModelResult | None) -> str:
    """Return the commands that check the report and one of its models."""
    return "convtrack verify" + (f"\nconvtrack verify {model.fingerprint[:12]}" if model else "")
