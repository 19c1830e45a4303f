"""Electroluminescence images of solar cells (Buerhop-Lutz et al. 2018; Deitsch et al. 2019, 2021).

2,624 grey images of 300×300 pixels, cut from 44 photovoltaic modules (18 monocrystalline, 26 polycrystalline), each
with its probability of a defect: 0, 1/3, 2/3 or 1. The label file does not name the modules, but lists the cells
module by module.
"""

from importlib.resources import as_file, files
from itertools import groupby
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import Field

from pipeline.data.images import LabelledImages
from pipeline.errors import unknown

REQUIREMENT = "elpv-dataset==1.0.0.post1"

CELLS = 60  # six rows of ten cells: the usual module
# Cells per module where a run of one type is not a multiple of 60. In the two long runs, the sizes were inferred from
# the images: the cells of a module's upper row have a dark upper edge, those of its first column a dark left edge. The
# edges reveal one module of 6×9 cells (left edges every nine cells) and one of 5×10 (two upper rows 50 cells apart).
MODULES = {
    714: (60, 60, 60, 60, 60, 54, 60, 60, 60, 60, 60, 60),
    530: (60, 60, 50, 60, 60, 60, 60, 60, 60),
    72: (72,),
    48: (48,),
}


TWO = ("functional", "defective")
FOUR = ("functional", "probably functional", "probably defective", "defective")
"""The classes of the probabilities 0, 1/3, 2/3 and 1: an expert's answer, and whether the expert was certain of it."""


def load(
    *,
    threshold: Annotated[float, Field(ge=0, lt=1)] = 0.5,
    size: Annotated[int, Field(ge=1, le=300)] = 64,
    labels: Literal["thresholded", "probabilities"] = "thresholded",
    groups: Literal["modules", "cells"] = "modules",
    tested: tuple[str, ...] = (),
) -> LabelledImages:
    """Load 2,624 images of `size` × `size` × 1, reduced by area averaging. Subgroups are the types mono and poly.

    Args:
        threshold: a cell is defective if its probability exceeds it; without effect on the labels `probabilities`.
        size: side length in pixels.
        labels: two classes, `thresholded`, or one class for each of the four `probabilities`.
        groups: `modules`, or `cells` for splits that ignore the modules, as published ones do.
        tested: names of the modules whose cells are the predefined test set, such as module-07; none if empty.

    Raises:
        UserError: a name in `tested` is not that of a module.
    """
    data = files("elpv_dataset") / "data"
    rows = [line.split() for line in (data / "labels.csv").read_text(encoding="utf-8").splitlines() if line]
    types = np.array([kind for _, _, kind in rows])
    pixels = np.empty((len(rows), size, size, 1), np.uint8)
    for row, (name, _, _) in enumerate(rows):
        with as_file(data / name) as path, Image.open(path) as image:
            pixels[row, :, :, 0] = np.asarray(image.resize((size, size), Image.Resampling.BOX))
    probability = np.array([float(value) for _, value, _ in rows])
    modules, names = module_names(types), np.array([name.rsplit("/", 1)[-1] for name, _, _ in rows])
    two = labels == "thresholded"
    return LabelledImages(
        pixels=pixels,
        labels=(probability > threshold if two else np.rint(3 * probability)).astype(np.int64),
        classes=TWO if two else FOUR,
        groups=modules if groups == "modules" else names,
        subgroups=types,
        names=names,
        test=_of_modules(modules, tested) if tested else None,
        source="elpv",
        licence="CC BY-NC-SA 4.0",
        attribution="Electroluminescence images: Buerhop-Lutz et al. 2018, Deitsch et al. 2019, Deitsch et al. 2021 "
        "(elpv-dataset), CC BY-NC-SA 4.0",
        notes=(
            "The data set does not name the modules: groups follow from the order of the cells. A change of type is a "
            "certain border between modules; borders between modules of one type are an inference from the number of "
            "cells and from the darker edges of the outermost cells of a module.",
            f"A cell counts as defective when its probability of a defect exceeds {threshold:g}; the published "
            "probabilities are 0, 1/3, 2/3 and 1."
            if two
            else "The classes are the published probabilities of a defect: 0, 1/3, 2/3 and 1.",
            "The licence forbids commercial use, and allows adaptations only under the same licence.",
        ),
    )


def _of_modules(modules: NDArray[np.str_], names: tuple[str, ...]) -> NDArray[np.bool_]:
    """Whether each cell is in one of the named modules; raises a UserError for an unknown name."""
    known = sorted(set(modules.tolist()))
    for name in names:
        if name not in known:
            raise unknown("module in option `tested`", name, known)
    return np.isin(modules, names)


def module_names(types: NDArray[np.str_]) -> NDArray[np.str_]:
    """The module of each cell, from "module-01", derived from runs of cells of one type.

    Raises:
        ValueError: the length of a run is neither known nor a multiple of 60. Then the cells are not in the published
            order, and the groups would be wrong.
    """
    sizes: list[int] = []
    for kind, run in groupby(types):
        length = len(list(run))
        if length not in MODULES and length % CELLS:
            raise ValueError(f"A run of {length} cells of type {kind} cannot be divided into modules of {CELLS} cells.")
        sizes += MODULES.get(length, (CELLS,) * (length // CELLS))
    return np.repeat([f"module-{number:02d}" for number in range(1, len(sizes) + 1)], sizes)
