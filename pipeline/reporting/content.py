"""What a report is made of: the measured values of one comparison, as plain data."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.evaluation.classification_curves import Calibration
from pipeline.evaluation.metrics import METRICS
from pipeline.statistics.results import Certainty


def metric_label(metric: str) -> str:
    """The metric's name in a sentence; an unknown metric keeps its own.

    >>> metric_label("roc_auc"), metric_label("top_5")
    ('ROC AUC', 'top 5')
    """
    return METRICS[metric].label if metric in METRICS else metric.replace("_", " ")


@dataclass(frozen=True)
class ModelResult:
    """What one model of a comparison reached, over all of its replicates, and what it cost.

    `scores` maps a test metric to one value per replicate, all metrics in the same order of replicates.
    `multiply_accumulates` are those of one image going forward, one multiplication and its addition counted once.
    `receptive_field` is in input pixels along each axis, as a rule (height, width); None: none to speak of.
    `validation` maps a metric to one value per replicate, of validation images, which choices may be made by.
    `subgroups` maps a subgroup of the test images to its own scores, in the form of `scores`; empty without subgroups.
    `calibration` is that of the test images of all replicates together.
    `train_seconds` and `seconds_per_image` (evaluation) hold one value per replicate.
    `history` has the columns replicate, epoch, train/loss, train/accuracy, val/loss and val/accuracy.
    `classes` are what it chooses between, as a rule the classes of the data; where `question` is not None the model was
    asked something else than the class of an image, as that says. `confusion` holds counts of test examples summed
    over replicates, shape (classes, classes), rows truth, columns prediction.
    `configuration` maps dotted names to everything that determined the training, `fingerprint` stands for it, `commit`
    is where it was trained. `disk_bytes` is what its run folder takes up.
    """

    name: str
    architecture: str
    parameters: int
    multiply_accumulates: int
    receptive_field: tuple[int, ...] | None
    scores: Mapping[str, tuple[float, ...]]
    validation: Mapping[str, tuple[float, ...]]
    subgroups: Mapping[str, Mapping[str, tuple[float, ...]]]
    calibration: Calibration
    train_seconds: tuple[float, ...]
    seconds_per_image: tuple[float, ...]
    history: pd.DataFrame
    classes: tuple[str, ...]
    confusion: np.ndarray
    configuration: Mapping[str, object]
    fingerprint: str
    commit: str
    disk_bytes: int
    question: str | None = None
    uncounted: tuple[str, ...] = ()
    """Layers that arithmetic has no rule for; with them `multiply_accumulates` is a lower bound."""


@dataclass(frozen=True)
class DataSummary:
    """The images of a comparison, where they come from and how they were split.

    `image_shape` is (height, width, channels). `counts` maps split → class → images, as replicate 0 has them.
    `largest_deviation` is the largest difference, between 0 and 1, of a class's share in a split
    from its share in all images.
    """

    name: str
    source: str
    licence: str
    attribution: str
    notes: tuple[str, ...]
    classes: tuple[str, ...]
    image_shape: tuple[int, int, int]
    images: int
    counts: Mapping[str, Mapping[str, int]]
    split_strategy: str
    largest_deviation: float


@dataclass(frozen=True)
class Reuse:
    """How often the test images have been used before: each look makes the best of all look better than it is.

    `evaluated` counts the model configurations evaluated on these test images so far, those of this comparison
    included. `tuned` counts the configurations that experiments tried on images that this comparison tests on: with one
    test set for all none, unless an experiment divided the images in another way.
    """

    evaluated: int
    tuned: int


@dataclass(frozen=True)
class Comparison:
    """Everything a report says: the data, the models' results, and what is needed to get them again.

    `certainty` is about the models that were asked for the class of an image, or, if none was, about none.
    `mistakes` maps a model's name to a picture (PNG) of the images it is most wrong about.
    `tracking_link` opens the compared runs in MLflow, None where there is no store to open.

    Raises:
        ValueError: no model, two models of one name, a model that lacks the primary metric, or one whose scores and
            training times differ in number.
    """

    data: DataSummary
    models: tuple[ModelResult, ...]
    primary_metric: str
    replicates: int
    commit: str
    dirty: bool
    data_digest: str
    versions: Mapping[str, str]
    tracking_link: str | None
    mistakes: Mapping[str, bytes]
    certainty: Certainty
    reuse: Reuse

    def __post_init__(self) -> None:
        """Refuse what no table could show."""
        names = [model.name for model in self.models]
        if not names or len(set(names)) < len(names):
            raise ValueError(f"`models` must be one or more models of different names. Received {names}.")
        for model in self.models:
            if not model.scores.get(self.primary_metric):
                raise ValueError(
                    f"`primary_metric` must be among the scores of every model. Received '{self.primary_metric}'; "
                    f"'{model.name}' has {', '.join(sorted(model.scores)) or 'none'}."
                )
            scores = model.scores[self.primary_metric]
            if len(scores) != len(model.train_seconds):
                raise ValueError(
                    f"Scores and times must be one for each replicate. Received {len(scores)} of "
                    f"'{self.primary_metric}' and {len(model.train_seconds)} of `train_seconds` for '{model.name}'."
                )
