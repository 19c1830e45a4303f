"""Classes with few images, and classes of very different size."""

from collections.abc import Iterator

import numpy as np

from pipeline.data.audit.audited import Audited
from pipeline.data.audit.finding import Finding, Severity

SEVERITIES: dict[str, Severity] = {"tiny_classes": "warn", "imbalance": "warn"}
FEW = 30
"""With fewer test images of a class, the interval of its recall is wider than ±0.18 (exact binomial, recall 0.5)."""
IMBALANCE = 10


def check(audited: Audited) -> Iterator[Finding]:
    """Tiny classes, then imbalance."""
    classes = audited.images.classes
    counts = np.bincount(audited.images.labels, minlength=len(classes))
    tiny = [(name, count) for name, count in zip(classes, counts.tolist(), strict=True) if count < FEW]
    if tiny:
        yield Finding(
            "tiny_classes",
            len(tiny),
            f"{len(tiny):,} of {len(classes):,} classes {'has' if len(tiny) == 1 else 'have'} fewer than {FEW} images.",
            "Add images of these classes, or merge them with others.",
            names=tuple(f"{name}: {count}" for name, count in tiny),
            listing="Classes with their number of images",
        )
    if counts.max() >= IMBALANCE * counts.min():
        yield Finding(
            "imbalance",
            len(classes),
            f"The largest class has {counts.max() / counts.min():.0f} times as many images as the smallest.",
            "Compare models by a metric that weighs classes equally, such as balanced_accuracy or roc_auc.",
            values={"ratio": float(counts.max() / counts.min())},
        )
