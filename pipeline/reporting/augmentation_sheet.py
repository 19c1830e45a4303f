"""The picture of examples of an augmentation; Matplotlib is imported only if there is one."""

from pathlib import Path

from pipeline.config.schema import AugmentationConfig
from pipeline.data.prepared import read_prepared


def augmentation_sheet(prepared: Path, chosen: AugmentationConfig) -> bytes | None:
    """Return six prepared training images and their random changes as PNG, or None if nothing is changed."""
    if not any(chosen.chosen.values()):
        return None
    from pipeline.reporting.figures.augmented_images import augmented_images, augmented_images_figure
    from pipeline.reporting.figures.style import png_bytes

    return png_bytes(augmented_images_figure(augmented_images(read_prepared(prepared), chosen)))
