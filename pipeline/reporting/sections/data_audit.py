"""The findings of the audit of the images."""

from pipeline.reporting.audit_page import conclusion, findings_table
from pipeline.reporting.blocks import Block, Link, Paragraph, Section, TableBlock
from pipeline.reporting.content import Comparison
from pipeline.storage.folders import AUDIT_PAGE


def section(comparison: Comparison) -> Section | None:
    """Return the findings with a link to their pictures, or None if the images were not audited."""
    findings = comparison.findings
    if findings is None:
        return None
    blocks: list[Block] = [Paragraph(conclusion(findings))]
    if findings:
        blocks.append(TableBlock(findings_table(findings)))
    blocks.append(Link("Audit page with the images of each finding", AUDIT_PAGE.name))
    return Section("audit", "Data audit", tuple(blocks), "copies, leaks and images of poor quality")
