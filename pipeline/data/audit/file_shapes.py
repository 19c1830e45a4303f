"""Pictures of unusual size, aspect ratio or mode, and pictures that are smaller than the size they are used at."""

from collections.abc import Iterator

import numpy as np

from pipeline.counts import number_of
from pipeline.data.audit.audited import Audited
from pipeline.data.audit.finding import Finding, Severity, each

SEVERITIES: dict[str, Severity] = {
    "odd_sizes": "warn",
    "odd_aspects": "warn",
    "enlarged_pictures": "note",
    "mixed_modes": "note",
}
ODD_AREA = 10.0
ODD_ASPECT = 2.0
GREY = ("1", "L", "LA", "I", "F")
"""Modes of Pillow without colour, by their beginning."""


def check(audited: Audited) -> Iterator[Finding]:
    """Each picture is compared with the median of all. Sources without files have no findings."""
    files = audited.images.files
    if files is None:
        return
    area, aspect = files.width * files.height, files.width / files.height
    for name, what, values, factor in (
        ("odd_sizes", "number of pixels", area, ODD_AREA),
        ("odd_aspects", "ratio of width and height", aspect, ODD_ASPECT),
    ):
        usual = float(np.median(values))
        shown = f"{usual:,.0f}" if usual >= 100 else f"{usual:.3g}"
        rows = np.flatnonzero((values > factor * usual) | (values < usual / factor))
        if len(rows):
            yield Finding(
                name,
                len(rows),
                f"{number_of(len(rows), 'picture has', 'pictures have')} a {what} that differs from the median "
                f"({shown}) by more than a factor of {factor:g}.",
                "Check that these pictures belong to the data.",
                images=each(rows),
            )
    height, width = audited.images.pixels.shape[1:3]
    rows = np.flatnonzero((files.width < width) & (files.height < height))
    if len(rows):
        yield Finding(
            "enlarged_pictures",
            len(rows),
            f"Pictures smaller than {width} × {height} pixels, which were enlarged: {len(rows):,}.",
            "Use a smaller 'size' if most pictures are small.",
            images=each(rows),
        )
    grey = np.char.startswith(files.mode, GREY[0])
    for mode in GREY[1:]:
        grey |= np.char.startswith(files.mode, mode)
    if grey.any() and not grey.all() and audited.images.pixels.shape[3] > 1:
        rarer = grey if grey.mean() <= 0.5 else ~grey
        yield Finding(
            "mixed_modes",
            int(rarer.sum()),
            f"Grey pictures: {grey.sum():,}; colour pictures: {(~grey).sum():,}.",
            "Use 'channels: 1' if colour does not matter.",
            images=each(np.flatnonzero(rarer)),
        )
