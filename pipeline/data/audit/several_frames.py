"""Files with several frames or pages of which only the first is used."""

from collections.abc import Iterator

import numpy as np

from pipeline.counts import number_of
from pipeline.data.audit.audited import Audited
from pipeline.data.audit.finding import Finding, Severity, each

SEVERITIES: dict[str, Severity] = {"several_frames": "warn"}


def check(audited: Audited) -> Iterator[Finding]:
    """One finding for all such files."""
    files = audited.images.files
    if files is None:
        return
    unused = files.frames > 1
    if audited.options.get("all_pages"):
        unused &= files.format != "TIFF"
    rows = np.flatnonzero(unused)
    if len(rows):
        yield Finding(
            "several_frames",
            len(rows),
            number_of(len(rows), "file is animated or has several pages", "files are animated or have several pages")
            + ", of which only the first is used.",
            "Save the frames that you need as pictures; for TIFF files, option 'all_pages: true' uses every page.",
            images=each(rows),
        )
