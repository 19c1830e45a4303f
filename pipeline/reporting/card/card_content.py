"""The content of a model card: the measured values of one packaged network as plain data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from pipeline.data.audit.finding import Finding
from pipeline.deployment.changed_pictures import Accuracy
from pipeline.evaluation.classification_curves import Calibration
from pipeline.reporting.content import DataSummary
from pipeline.statistics.class_scores import ClassScores
from pipeline.statistics.results import Estimate


class Subgroup(NamedTuple):
    """The score of the network on the images of a subgroup, and their number."""

    name: str
    score: Estimate
    images: int


class HeldOut(NamedTuple):
    """Scores of the packaged network on images that it was not trained on.

    Attributes:
        part: `test` or `validation` images.
        images: their number.
        members: how many replicates predict an image together, on average: those that were not trained on it.
        groups: the number of their groups.
        score: the primary metric. Its interval is about other images of the same source, for this one network.
        scores: every defined metric by name.
        classes: the scores of each class.
        subgroups: the primary metric by subgroup; empty without subgroups.
        confusion: numbers of images, (classes, classes): rows truth, columns prediction.
        uncalibrated: calibration of the probabilities.
        calibrated: calibration after the temperature.
        changes: the accuracy on up to 500 of the images after changes; empty if each image has trained some replicate.
        changed_images: the number of these images.
    """

    part: str
    images: int
    members: float
    groups: int
    score: Estimate
    scores: Mapping[str, float]
    classes: tuple[ClassScores, ...]
    subgroups: tuple[Subgroup, ...]
    confusion: np.ndarray
    uncalibrated: Calibration
    calibrated: Calibration
    changes: tuple[Accuracy, ...]
    changed_images: int


class Effort(NamedTuple):
    """What was trained for the comparison: networks, trainings, and their seconds one after another."""

    networks: int
    trainings: int
    seconds: float
    own_trainings: int
    own_seconds: float


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """All values of a model card.

    Attributes:
        data: the images; the counts are those of the first packaged replicate.
        choice: the contents of `reports/champion.json`.
        settings: the contents of `model.json` of the packaged network.
        architecture: the name of the architecture.
        parameters: of one replicate.
        multiply_accumulates: per image, of one replicate.
        configuration: the settings of the training by dotted name.
        fingerprint: digest of everything that determines the trainings of the model.
        commit: of the training.
        dirty: whether code or configuration differed from the commit.
        files: the sizes of the packaged networks in bytes, by file name.
        held_out: None without validation and test images.
        findings: of the audit; None without an audit.
        effort: training time.
        versions: of the software that packaged the network.
        data_digest: of the images.
    """

    data: DataSummary
    choice: Mapping[str, Any]
    settings: Mapping[str, Any]
    architecture: str
    parameters: int
    multiply_accumulates: int
    configuration: Mapping[str, object]
    fingerprint: str
    commit: str
    dirty: bool
    files: Mapping[str, int]
    held_out: HeldOut | None
    findings: tuple[Finding, ...] | None
    effort: Effort
    versions: Mapping[str, str]
    data_digest: str
