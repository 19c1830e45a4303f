"""Training images as they are, and as an augmentation changes them: a row for each kind of change."""

from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pipeline.augmentation.augment import augment
from pipeline.augmentation.mixing import mixture
from pipeline.config.schema import AugmentationConfig
from pipeline.data.prepared import Prepared
from pipeline.data.splits import TRAIN
from pipeline.errors import UserError
from pipeline.reporting.figures.style import MUTED, hide_axes, new_figure, styled
from pipeline.training.examples import standardisation

COLUMNS = 6
WIDTH = 6.0
"""Inches: a row has its name beside six images."""


class AugmentedImages(NamedTuple):
    """8-bit pixels (rows, columns, height, width, channels), the name of each row, and source and licence."""

    pixels: np.ndarray
    rows: tuple[str, ...]
    attribution: str


def augmented_images(prepared: Prepared, chosen: AugmentationConfig) -> AugmentedImages:
    """Change six training images of the first replicate by each setting that is on, and by all of them together.

    The classes take turns. The same images and settings give the same changes.

    Raises:
        UserError: a setting cannot be applied to these images, such as quarter turns of images that are not square.
    """
    settings = {name: value for name, value in chosen.chosen.items() if value}
    images = np.asarray(prepared.pixels[_examples(prepared)])
    fill = np.rint(standardisation(prepared, 0).mean).astype(int).tolist()
    kinds = [{name: value} for name, value in settings.items()]
    if len(kinds) > 1:
        kinds.append(settings)
    changed = [_changed(images, kind, fill) for kind in kinds]
    names = [f"{name} {value:g}" if not isinstance(value, bool) else name for name, value in settings.items()]
    return AugmentedImages(
        np.stack([images, *changed]),
        tuple(name.replace("_", " ") for name in ("original", *names, "all together"))[: len(changed) + 1],
        f"{prepared.manifest['attribution']}. Licence: {prepared.manifest['licence']}.",
    )


def _examples(prepared: Prepared) -> NDArray[np.int64]:
    """Up to six training images, the first ones of each class in turn."""
    training = prepared.indices(0, TRAIN)
    labels = prepared.labels[training]
    places = np.empty(len(training), np.int64)
    for label in range(len(prepared.classes)):
        places[labels == label] = np.arange((labels == label).sum())
    chosen: NDArray[np.int64] = training[np.lexsort((labels, places))][:COLUMNS]
    return chosen


def _changed(images: np.ndarray, settings: dict[str, float], fill: list[int]) -> np.ndarray:
    rng = np.random.default_rng(0)
    mixup, cutmix = (settings.get(name, 0) for name in ("mixup", "cutmix"))
    singly = {name: value for name, value in settings.items() if name not in ("mixup", "cutmix")}
    try:
        changed = augment(images, rng, **singly, fill=fill)  # type: ignore[arg-type]
    except ValueError as problem:
        raise UserError(f"The augmentation cannot be applied to these images: {problem}") from None
    if mixup or cutmix:
        mixed = mixture(rng, *images.shape[:3], mixup=mixup, cutmix=cutmix)
        changed = np.rint(mixed.inputs(changed.astype(np.float32))).astype(np.uint8)
    return changed


@styled
def augmented_images_figure(values: AugmentedImages) -> Figure:
    """Draw the images in rows, the name of the row on the left and the attribution below the last row."""
    pixels, rows, attribution = values
    _, columns, height, width, channels = pixels.shape
    gap = max(width // 16, 1)
    padded = np.pad(pixels, ((0, 0), (0, 0), (0, 0), (0, gap), (0, 0)), constant_values=255)
    strips = np.moveaxis(padded, 1, 2).reshape(len(rows), height, columns * (width + gap), channels)
    figure = new_figure(0.3 + len(rows) * (WIDTH - 1.2) * height / (columns * (width + gap)), width=WIDTH)
    for axes, strip, name in zip(figure.subplots(len(rows), squeeze=False)[:, 0], strips, rows, strict=True):
        hide_axes(axes)
        axes.imshow(strip[..., 0] if channels == 1 else strip, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        axes.set_ylabel(name, rotation=0, ha="right", va="center")
    figure.supxlabel(attribution, fontsize=6.5, color=MUTED, wrap=True)
    return figure
