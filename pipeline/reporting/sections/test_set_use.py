"""How often the test images were used."""

from pipeline.reporting.blocks import Paragraph, Section
from pipeline.reporting.content import Comparison
from pipeline.reporting.text import reuse


def section(comparison: Comparison) -> Section:
    """Return the number of uses and their possible effect."""
    return Section(
        "reuse", "Use of the test images", tuple(Paragraph(sentence) for sentence in reuse.sentences(comparison))
    )
