"""What the networks saw in training: images unchanged, and with each augmentation."""

from pipeline.reporting.blocks import Image, Images, Paragraph, Section
from pipeline.reporting.content import Comparison


def section(comparison: Comparison) -> Section | None:
    """Return the sheet of each augmentation with the models that it belongs to."""
    models: dict[bytes, list[str]] = {}
    for model, sheet in comparison.augmented.items():
        models.setdefault(sheet, []).append(model)
    if not models:
        return None
    return Section(
        "augmentation",
        "Augmentation",
        (
            Paragraph(
                "Training images unchanged, with each kind of random change, and with all of them together as in "
                "training. Changes are drawn anew in every epoch. Validation and test images are not changed."
            ),
            Images(
                tuple(
                    Image(
                        ", ".join(names),
                        f"augmentation-{number}",
                        f"Six training images in rows: unchanged, and with the augmentation of {', '.join(names)}.",
                        sheet,
                    )
                    for number, (sheet, names) in enumerate(models.items(), start=1)
                )
            ),
        ),
        "training images and their random changes",
    )
