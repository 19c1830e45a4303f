"""From full to sparse connections, and from sparse to shared weights."""

from collections.abc import Mapping
from typing import Any

from pipeline.arithmetic.weight_counts import weights
from pipeline.lecture.material import Chapter, Material
from pipeline.lecture.study_answers import study_answer
from pipeline.reporting.blocks import Picture
from pipeline.reporting.page import inline
from pipeline.studies.connectivity.connectivity_report import (
    growth_figure,
    wiring_diagrams,
    wiring_figure,
)
from pipeline.studies.connectivity.connectivity_study import SIDES
from pipeline.studies.connectivity.convolution_forms import weight_growth

PIXELS, KERNEL, IMAGE = 5, 3, 64


def _values(material: Material) -> Mapping[str, Any]:
    five, image = weights([PIXELS], KERNEL), weights([IMAGE, IMAGE], KERNEL, padding="same")
    label = (
        f"Five pixels below, three units above: {five.full} connections with full connectivity, {five.sparse} with "
        f"sparse connectivity, and {five.sparse} connections in {five.shared} colours with shared weights."
    )
    growth = Picture(
        "growth",
        "Weights of one layer against the side of the image.",
        growth_figure(weight_growth(SIDES, kernel=KERNEL)),
    )
    return {
        "five": five,
        "image": image,
        "side": IMAGE,
        "gigabytes": 4 * image.full / 1e6,
        "matrices": [(kind, _matrix(kind)) for kind in ("full", "sparse", "shared")],
        "wiring": inline(Picture("five-pixels", label, wiring_figure(wiring_diagrams()))),
        "growth": inline(growth),
        "studies": [study_answer(material, name) for name in ("lecun1989", "spatial_prior")],
    }


def _matrix(kind: str) -> list[list[str]]:
    """The weights from pixels (columns) to units (rows), as indices of w; empty for a missing connection."""
    rows = []
    for unit in range(PIXELS - KERNEL + 1):
        row = []
        for pixel in range(PIXELS):
            tap = pixel - unit + 1
            inside = 1 <= tap <= KERNEL
            index = {"full": f"{unit + 1}{pixel + 1}", "sparse": f"{unit + 1}{tap}", "shared": f"{tap}"}[kind]
            row.append(index if inside or kind == "full" else "")
        rows.append(row)
    return rows


CHAPTER = Chapter(
    "from-full-to-shared",
    "From full to sparse to shared",
    "A unit looks at a small window, and all units use the same weights.",
    _values,
)
