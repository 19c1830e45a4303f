"""Test images that look different from the others: a classifier that separates them (adversarial validation)."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pipeline.data.audit.audited import Audited
from pipeline.data.audit.finding import Finding, Severity
from pipeline.data.splits import TEST
from pipeline.data.two_sample_classifier import FOLDS, chance_deviation, separation

SEVERITIES: dict[str, Severity] = {"test_images_differ": "warn"}
MOST = 2000
"""Images that are used, at most, half of them test images."""
DEVIATIONS = 3.0


def check(audited: Audited) -> Iterator[Finding]:
    """Separate the test images of the first replicate by thumbnail, contrast and sharpness.

    Folds keep groups together; otherwise the classifier would recognise groups. The deviation of the area under the
    curve by chance is that of the Mann–Whitney statistic of as many groups.
    """
    groups = np.unique(audited.images.groups, return_inverse=True)[1]
    tested = audited.splits[0] == TEST
    rows = _balanced_rows(tested)
    truth, own = tested[rows], groups[rows]
    inside, outside = (len(np.unique(own[truth == part])) for part in (True, False))
    if min(inside, outside) < FOLDS:
        return
    area = separation(_features(audited, rows), truth, own)
    if area > 0.5 + max(audited.margin, DEVIATIONS * chance_deviation(inside, outside)):
        yield Finding(
            "test_images_differ",
            int(tested.sum()),
            f"Test images look different from the other images: a classifier separates them with ROC AUC {area:.2f} "
            "(chance 0.50) by thumbnails of 8 × 8 grey pixels, contrast and sharpness.",
            "Check how the test images were taken. Test scores are valid only for images like these.",
            values={"roc_auc": area},
        )


def _balanced_rows(tested: NDArray[np.bool_]) -> NDArray[np.int64]:
    random = np.random.default_rng(0)
    parts = [random.permutation(np.flatnonzero(tested == part))[: MOST // 2] for part in (True, False)]
    return np.sort(np.concatenate(parts))


def _features(audited: Audited, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    seen = audited.measured.appearance
    measures = np.stack([seen.deviation[rows], seen.clipped[rows], seen.detail[rows]], axis=1)
    return np.concatenate([seen.thumbnails[rows], measures], axis=1).astype(np.float32)
