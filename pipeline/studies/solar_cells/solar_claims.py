"""Published results on the same cells, all with random splits, beside those of the study."""

from typing import NamedTuple

from pipeline.statistics.results import Estimate
from pipeline.studies.published_values import Claim
from pipeline.studies.solar_cells.solar_candidates import BY_MODULE, NETWORKS, RANDOM
from pipeline.studies.solar_cells.solar_scores import Scores

DEITSCH = "Deitsch et al. 2019, Solar Energy 185"
SEARCHED = "arXiv 2302.07455"
LIGHT = "Computational Intelligence and Neuroscience 2023, 2663150"


class Published(NamedTuple):
    """A published score, the metric, and its name in a figure. `labels` is the number of classes."""

    claim: Claim
    metric: str
    short: str
    labels: int


PUBLISHED = (
    Published(Claim("accuracy: SVM on features, 300×300", 0.8244, DEITSCH, False), "accuracy", "SVM", 2),
    Published(Claim("accuracy: VGG19 trained on ImageNet, 300×300", 0.8842, DEITSCH, False), "accuracy", "VGG19", 2),
    Published(
        Claim("accuracy: searched and distilled, 1.85 M parameters", 0.9174, SEARCHED, False), "accuracy", "searched", 2
    ),
    Published(Claim("ROC AUC: SVM on features, 300×300", 0.8851, DEITSCH, False), "roc_auc", "SVM", 2),
    Published(Claim("ROC AUC: VGG19 trained on ImageNet, 300×300", 0.9442, DEITSCH, False), "roc_auc", "VGG19", 2),
    Published(Claim("accuracy, 4 classes: light CNN from scratch", 0.835, LIGHT, False), "accuracy", "light CNN", 4),
)
"""No protocol is the same: networks, resolution, pre-training or the draw of the test set differ."""


COMPARED = {2: NETWORKS[0].label, 4: next(one.label for one in NETWORKS if one.four_classes)}
"""The network that published values stand beside, by the number of classes: the most expensive one."""


def claim_rows(two: Scores, four: Scores) -> list[tuple[Claim, Estimate]]:
    """Each published value beside ours under the random split, then ours under the split by module."""
    scores = {2: two, 4: four}
    unpublished = (
        ("accuracy, split by module", 2, "accuracy"),
        ("ROC AUC, split by module", 2, "roc_auc"),
        ("accuracy, 4 classes, split by module", 4, "accuracy"),
    )
    return [
        *((one.claim, scores[one.labels].estimate(RANDOM, one.metric, COMPARED[one.labels])) for one in PUBLISHED),
        *(
            (Claim(name, None, "none found", False), scores[labels].estimate(BY_MODULE, metric, COMPARED[labels]))
            for name, labels, metric in unpublished
        ),
    ]


def published_lines(metric: str) -> dict[str, float]:
    """The published values of two classes by their short names, for a figure."""
    return {
        one.short: one.claim.published
        for one in PUBLISHED
        if one.metric == metric and one.labels == 2 and one.claim.published is not None
    }
