"""A predictor that sees no pixels: the classes of the images that are next in the order of the source."""

from collections.abc import Iterator

import numpy as np

from pipeline.data.audit.audited import Audited
from pipeline.data.audit.finding import Finding, Severity
from pipeline.data.audit.predictability import predictability

SEVERITIES: dict[str, Severity] = {"row_order": "stop"}
NEIGHBOURS = 5
PARTS = 3
"""Training, validation and test: a source may list them one after the other."""


def check(audited: Audited) -> Iterator[Finding]:
    """Predict each test image as the majority of the nearest rows outside the test set.

    Images that are merely sorted by class are not checked: their order gives no information on how they were taken.
    """
    from sklearn.neighbors import KNeighborsClassifier  # takes a second

    labels = audited.images.labels
    runs = 1 + np.count_nonzero(np.diff(labels))
    if runs <= PARTS * len(audited.images.classes):
        return
    rows = np.arange(len(labels), dtype=np.float64)[:, None]
    model = KNeighborsClassifier(n_neighbors=NEIGHBOURS, algorithm="kd_tree")
    found = predictability(model, rows, labels, audited.splits, margin=audited.margin)
    if found.excessive:
        yield Finding(
            "row_order",
            len(labels),
            f"The class of a test image can be predicted from the images listed next to it: balanced accuracy "
            f"{found.score:.2f} without any pixel, chance {found.chance:.2f}.",
            "Neighbouring images probably belong together, such as those of one object or one session: define groups, "
            "and use a split that keeps groups together.",
            values={"score": found.score, "chance": found.chance},
        )
