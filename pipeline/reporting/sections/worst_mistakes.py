"""The most confident mistakes of every model."""

from urllib.parse import quote

from pipeline.reporting.blocks import Image, Images, Paragraph, Section
from pipeline.reporting.content import Comparison


def section(comparison: Comparison) -> Section | None:
    """Return a picture per model that made mistakes."""
    if not comparison.mistakes:
        return None
    data = comparison.data
    return Section(
        "mistakes",
        "Worst mistakes",
        (
            Paragraph(
                "The test images that each model misclassified with the highest confidence. "
                f"Images: {data.attribution}. Licence: {data.licence}."
            ),
            Images(
                tuple(
                    Image(
                        model,
                        f"mistakes-{quote(model, safe='')}",
                        f"Test images that {model} misclassified with the highest confidence, each with its true and "
                        "its predicted class.",
                        png,
                    )
                    for model, png in comparison.mistakes.items()
                )
            ),
        ),
        "images that a model misclassified with high confidence",
    )
