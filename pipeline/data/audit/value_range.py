"""Pictures with more than 8 bits whose values are far below the stated range, so that they become nearly black."""

from collections.abc import Iterator

import numpy as np

from pipeline.data.audit.audited import Audited
from pipeline.data.audit.finding import Finding, Severity, each

SEVERITIES: dict[str, Severity] = {"value_range": "stop"}
DEEP = ("I", "F")
"""Modes of Pillow with more than 8 bits per value, by their beginning."""
DEFAULT = (0, 65535)
LEAST = 0.25
"""Share of the range that the largest value reaches: 14 of 16 bits."""


def check(audited: Audited) -> Iterator[Finding]:
    """Compare the largest value of all deep pictures with option `value_range`."""
    files = audited.images.files
    if files is None:
        return
    deep = np.char.startswith(files.mode, DEEP[0]) | np.char.startswith(files.mode, DEEP[1])
    if not deep.any():
        return
    low, high = audited.options.get("value_range") or DEFAULT
    lowest, highest = float(files.lowest[deep].min()), float(files.highest[deep].max())
    if highest - low < LEAST * (high - low):
        bits = max(1, int(np.ceil(np.log2(max(highest, 1) + 1))))
        yield Finding(
            "value_range",
            int(deep.sum()),
            f"The values of {deep.sum():,} pictures with more than 8 bits lie in {lowest:g}..{highest:g}, but the "
            f"range is {low:g}..{high:g}, so these pictures become nearly black.",
            f"Set option `value_range` in the file of the data under conf/data, such as [0, {2**bits - 1}].",
            images=each(np.flatnonzero(deep)),
            values={"lowest": lowest, "highest": highest},
        )
