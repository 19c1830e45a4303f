"""The findings of the audit as a document: a table, and a section with pictures for each finding."""

from collections.abc import Sequence
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from pipeline.counts import number_of
from pipeline.data.audit.finding import SHOWN_OF_SET, Finding
from pipeline.data.prepared import Prepared
from pipeline.data.splits import SPLITS
from pipeline.reporting.blocks import Block, Bullets, Document, Fold, Image, Images, Paragraph, Section, TableBlock
from pipeline.reporting.tables.text_table import Table
from pipeline.reporting.text.quantities import count

SETS = 12
"""Sets of images that a section shows as pictures."""
NAMES = 1000
"""Names that a section lists."""
HEIGHT = 128
"""Smallest height of a picture in pixels."""
GAP = 4
MEANINGS = {
    "stop": "prevents training",
    "warn": "should be checked before training",
    "note": "for information",
}


def audit_document(findings: Sequence[Finding], prepared: Prepared) -> Document:
    """The page: what was found, the images by class and part, and a section for each finding."""
    manifest = prepared.manifest
    height, width, channels = prepared.image_shape
    lead: list[Block] = [
        Paragraph(conclusion(findings), role="answer"),
        Paragraph(
            f"{number_of(manifest['images'], 'image')} in {number_of(manifest['groups'], 'group')}, resized to "
            f"{width} × {height} pixels (width × height) with "
            f"{number_of(channels, 'channel')}. {manifest['attribution']}.",
            role="support",
        ),
    ]
    if findings:
        lead.append(TableBlock(findings_table(findings)))
    sections = [_classes(prepared), *(_section(finding, prepared) for finding in findings)]
    return Document(f"Audit of the images: {manifest['name']}", tuple(lead), tuple(sections))


def conclusion(findings: Sequence[Finding]) -> str:
    """The result of the audit in one sentence.

    >>> conclusion([])
    'The audit has no findings.'
    """
    if not findings:
        return "The audit has no findings."
    severities = [finding.severity for finding in findings]
    if "stop" in severities:
        return f"{number_of(severities.count('stop'), 'finding')} must be corrected before training."
    if "warn" in severities:
        return f"Training is possible, with {number_of(severities.count('warn'), 'warning')} to check."
    return "The audit has notes only."


def findings_table(findings: Sequence[Finding]) -> Table:
    """A row for each finding."""
    return Table(
        caption="Severity: " + "; ".join(f"{name} = {meaning}" for name, meaning in MEANINGS.items()) + ".",
        header=("check", "severity", "number", "finding"),
        rows=tuple((finding.check, finding.severity, count(finding.count), finding.summary) for finding in findings),
        keys=tuple((None, None, float(finding.count), None) for finding in findings),
        prose=(3,),
    )


def _classes(prepared: Prepared) -> Section:
    counts = prepared.manifest["replicates"][0]["counts"]
    rows = [(name, [counts[part].get(name, 0) for part in SPLITS]) for name in prepared.classes]
    table = Table(
        caption="Number of images by class, in the split of the first replicate.",
        header=("class", *SPLITS, "all"),
        rows=tuple((name, *map(count, numbers), count(sum(numbers))) for name, numbers in rows),
        keys=tuple((None, *map(float, numbers), float(sum(numbers))) for _, numbers in rows),
    )
    return Section("classes", "Classes", (TableBlock(table),), f"{len(rows)} classes in training, validation and test")


def _section(finding: Finding, prepared: Prepared) -> Section:
    blocks: list[Block] = [
        Paragraph(finding.summary, role="warning" if finding.severity == "stop" else "text"),
        Paragraph(f"What to do: {finding.advice}"),
    ]
    if finding.images:
        shown = finding.images[:SETS]
        blocks.append(
            Images(tuple(_picture(finding.check, number, rows, prepared) for number, rows in enumerate(shown)))
        )
        lines = [", ".join(prepared.names[list(rows)].tolist()) for rows in finding.images]
        blocks.append(Fold(f"Names of the images ({count(len(lines))})", (Bullets(tuple(lines)),)))
    if finding.names:
        more = len(finding.names) - NAMES
        lines = [*finding.names[:NAMES], *([f"and {count(more)} more in data/audit.json"] if more > 0 else [])]
        blocks.append(Fold(f"{finding.listing} ({count(len(finding.names))})", (Bullets(tuple(lines)),)))
    heading = finding.check.replace("_", " ").capitalize()
    return Section(finding.check, heading, tuple(blocks), f"{finding.severity}, {count(finding.count)}")


def _picture(check: str, number: int, rows: Sequence[int], prepared: Prepared) -> Image:
    """The images of one set side by side, below their names."""
    chosen = list(rows[:SHOWN_OF_SET])
    names = prepared.names[chosen].tolist()
    labels = [prepared.classes[label] for label in prepared.labels[chosen]]
    title = " · ".join(f"{name} ({label})" for name, label in zip(names, labels, strict=True))
    return Image(title, f"{check}-{number}", f"Images {title}", _side_by_side(prepared.pixels[np.array(chosen)]))


def _side_by_side(pixels: NDArray[np.uint8]) -> bytes:
    """PNG of images (n, height, width, channels) in a row, enlarged if they are small."""
    factor = max(1, -(-HEIGHT // pixels.shape[1]))
    enlarged = pixels.repeat(factor, axis=1).repeat(factor, axis=2)
    gap = np.full((enlarged.shape[1], GAP, enlarged.shape[3]), 255, np.uint8)
    row = np.concatenate([part for image in enlarged for part in (image, gap)][:-1], axis=1)
    buffer = BytesIO()
    PillowImage.fromarray(row[..., 0] if row.shape[2] == 1 else row).save(buffer, "PNG")
    return buffer.getvalue()
