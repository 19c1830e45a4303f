"""Images that show little: blank, saturated or blurred, compared with the other images of the data."""

from collections import Counter
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pipeline.data.audit.audited import Audited
from pipeline.data.audit.finding import Finding, Severity, each
from pipeline.data.images import LabelledImages

SEVERITIES: dict[str, Severity] = {"blank_images": "warn", "saturated_images": "warn", "blurred_images": "note"}
BLANK = 1.0
"""Standard deviation of the grey levels 0..255 below which an image is blank."""
SATURATED, USUAL = 0.8, 0.4
"""Share of black or white pixels from which an image is saturated, if at most the second share is usual."""
BLURRED = 0.2
"""Detail of a blurred image, at most, as a share of the median."""
CLASSES = 5
"""Classes that a finding counts, the most frequent first."""


def check(audited: Audited) -> Iterator[Finding]:
    """Blank images, then images of mostly black or white pixels, then images with little detail."""
    seen = audited.measured.appearance
    blank = seen.deviation < BLANK
    yield from _finding(
        audited.images,
        "blank_images",
        blank,
        "Images with a single grey level",
        "Check the options that read them: 'background' for transparent pictures, 'value_range' for dark ones.",
    )
    saturated = (seen.clipped > SATURATED) & (np.median(seen.clipped) < USUAL) & ~blank
    yield from _finding(
        audited.images,
        "saturated_images",
        saturated,
        f"Images with more than {100 * SATURATED:.0f} % black or white pixels, unlike most others",
        "Check their exposure, and the option 'value_range'.",
    )
    usual = np.median(seen.detail[~blank]) if not blank.all() else 0
    yield from _finding(
        audited.images,
        "blurred_images",
        (seen.detail < BLURRED * usual) & ~blank & ~saturated,
        f"Images with less than {100 * BLURRED:.0f} % of the median detail, at the size used for training",
        "Check whether they are out of focus, or much smaller than the others.",
    )


def _finding(images: LabelledImages, name: str, chosen: NDArray[np.bool_], what: str, advice: str) -> Iterator[Finding]:
    """The finding for the chosen images, if there are any, with their number in each class."""
    rows = np.flatnonzero(chosen)
    if not len(rows):
        return
    by_class = Counter(images.labels[rows].tolist()).most_common()
    counts = [f"{count:,} of class '{images.classes[label]}'" for label, count in by_class[:CLASSES]]
    if len(by_class) > CLASSES:
        counts.append(f"{sum(count for _, count in by_class[CLASSES:]):,} of other classes")
    yield Finding(name, len(rows), f"{what}: {len(rows):,} ({', '.join(counts)}).", advice, images=each(rows))
