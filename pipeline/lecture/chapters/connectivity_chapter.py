"""From full to sparse connections, and from sparse to shared weights."""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from pipeline.arithmetic.weight_counts import weights
from pipeline.lecture.material import Chapter, Material
from pipeline.lecture.moving_svg import circle, drawing, line, text
from pipeline.lecture.study_answers import study_answer
from pipeline.reporting.blocks import Picture
from pipeline.reporting.page import inline
from pipeline.studies.connectivity.connectivity_report import growth_figure
from pipeline.studies.connectivity.connectivity_study import SIDES
from pipeline.studies.connectivity.convolution_forms import weight_growth

PIXELS, KERNEL, IMAGE = 5, 3, 64
STEP, ABOVE, BELOW = 36, 46, 140
"""Distance of neighbours, and heights of units and pixels, in the units of the drawing."""


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
        "wiring": _wiring(label),
        "growth": inline(growth),
        "studies": [study_answer(material, name) for name in ("lecun1989", "spatial_prior")],
    }


def _wiring(label: str) -> Markup:
    """Pixels below and units above, once for each kind of connectivity; the weights are those of `_matrix`."""
    parts = []
    for place, kind in enumerate(("full", "sparse", "shared")):
        count, left = getattr(weights([PIXELS], KERNEL), kind), place * (PIXELS + 1) * STEP + STEP / 2
        parts.append(text(left + (PIXELS - 1) * STEP / 2, 20, f"{kind}: {count} weights", "large"))
        rows = _matrix(kind)
        for unit, row in enumerate(rows):
            for pixel, index in enumerate(row):
                if index:
                    start, end = (left + pixel * STEP, BELOW), (left + (unit + 1) * STEP, ABOVE)
                    parts.append(line(start, end, f"w{index}" if kind == "shared" else "wire"))
        parts += [circle(left + pixel * STEP, BELOW, 9, "dot") for pixel in range(PIXELS)]
        parts += [circle(left + (unit + 1) * STEP, ABOVE, 9, "dot filled") for unit in range(len(rows))]
    return drawing("\n".join(parts), label, (3 * (PIXELS + 1) * STEP - STEP, BELOW + 12))


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
