"""What units respond to, by depth: images made to excite them, and the test images that excite them most."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.arithmetic.table import LayerRow
from pipeline.interpretation.activation_maximisation import Range, maximising_images
from pipeline.interpretation.image_crops import field_sides, receptive_crop
from pipeline.interpretation.labelled_sheet import COLUMNS, Band
from pipeline.interpretation.subject import Replicate
from pipeline.interpretation.unit_layers import Excitation, UnitLayer

CROPS = 3
"""Test images per unit."""
STEPS = 64
"""Steps of the gradient ascent."""
LEAST_SPREAD = 0.02
"""Units whose deviation over the images is less than this share of the layer's largest one are left out."""


class Unit(NamedTuple):
    """A unit or map of a layer that is shown; `sign` is -1 for a class that a small value means."""

    number: int
    sign: int
    caption: str


def chosen_units(layer: UnitLayer, found: Excitation, names: Sequence[str]) -> tuple[Unit, ...]:
    """The units whose excitation differs most between images, in their order, at most `COLUMNS`."""
    values = found.values
    if layer.classes and values.shape[1] == 1:
        return Unit(0, -1, names[0]), Unit(0, 1, names[1])
    excited = values if layer.classes else values.clip(0)
    spread = excited.std(axis=0)
    varied = np.argsort(-spread, kind="stable")[:COLUMNS]
    varied = np.sort(varied[spread[varied] >= LEAST_SPREAD * spread.max()])
    word = "map" if layer.maps else "unit"
    return tuple(Unit(int(one), 1, names[one] if layer.classes else f"{word} {one}") for one in varied)


def unit_band(
    replicate: Replicate, layer: UnitLayer, found: Excitation, units: Sequence[Unit], row: LayerRow | None
) -> Band:
    """A made image for each of the units of a layer, above the parts of test images that excite the unit most.

    Args:
        replicate: the trained network and its test images.
        layer: the layer.
        found: how far the test images excite its units.
        units: those that are shown.
        row: of the layer table, with the receptive field; None if it is unknown.
    """
    height, width = replicate.pixels.shape[1:3]
    sides = field_sides(row, (height, width))
    tiles = [_made_tiles(replicate, layer, units, row)]
    indices, signs = [one.number for one in units], [one.sign for one in units]
    ranked = np.argsort(-np.array(signs) * found.values[:, indices], axis=0, kind="stable")[:CROPS]
    for images in ranked:
        places = found.places[images, indices]
        tiles.append(
            [
                receptive_crop(replicate.pixels[image], row, (place[0], place[1]))
                for image, place in zip(images, places, strict=True)
            ]
        )
    if sides == (height, width):
        seen = "the score of each class" if layer.classes else "each unit depends on the whole image"
    else:
        seen = f"each unit depends on {sides[0]} × {sides[1]} pixels"
    return Band(f"{layer.name}: {seen}", tiles, [one.caption for one in units], framed=1)


def _made_tiles(
    replicate: Replicate, layer: UnitLayer, units: Sequence[Unit], row: LayerRow | None
) -> list[NDArray[np.uint8]]:
    """The receptive fields of images that are made to excite the units."""
    levels = np.zeros((2, *replicate.pixels.shape[1:]), np.float32)
    levels[1] = 255
    limits = Range(*replicate.standardise(levels))
    made = maximising_images(
        layer.network,
        np.array([one.number for one in units]),
        np.array([one.sign for one in units], np.float32),
        limits,
        field=max(field_sides(row, (levels.shape[1], levels.shape[2]))),
        steps=STEPS,
        seed=0,
    )
    grey = np.round(255 * (made - limits.black) / (limits.white - limits.black)).astype(np.uint8)
    _, rows, columns, _ = layer.network.output.shape if layer.maps else (0, 0, 0, 0)
    return [receptive_crop(one, row, (rows // 2, columns // 2)) for one in grey]
