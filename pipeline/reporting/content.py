"""The content of a report: the measured values of one comparison as plain data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from pipeline.data.audit.finding import Finding
from pipeline.evaluation.classification_curves import Calibration
from pipeline.evaluation.metrics import METRICS
from pipeline.reporting.costs import DECISIVE, Cost, amount
from pipeline.reporting.text.quantities import mean
from pipeline.statistics.class_scores import ClassScores
from pipeline.statistics.results import Certainty
from pipeline.statistics.sequential import Plan


def metric_label(metric: str) -> str:
    """Return the name of a metric in a sentence; an unknown metric keeps its own.

    >>> metric_label("roc_auc"), metric_label("top_5")
    ('ROC AUC', 'top 5')
    """
    return METRICS[metric].label if metric in METRICS else metric.replace("_", " ")


@dataclass(frozen=True)
class ModelResult:
    """The results of one model of a comparison over all its replicates. A baseline is a model, too.

    `scores` maps each test metric to one value per replicate; all metrics list the replicates in the same order.
    `validation` does the same for validation images. `subgroups` maps each subgroup of the test images to scores of the
    same form; it is empty without subgroups. `calibration` covers the test images of all replicates together.
    `costs` maps each key of `pipeline.reporting.costs` to one value, or to one value per replicate.
    `receptive_field` is in input pixels along each axis, usually (height, width), or None if it is undefined.
    `history` has the columns replicate, epoch, train/loss, train/accuracy, val/loss and val/accuracy.
    `classes` are the classes that the model predicts. `other_target` is None if they are the classes of the images;
    otherwise it describes what the model predicts instead, and its scores are not compared with those of other models.
    `confusion` counts test examples summed over replicates, shape (classes, classes): rows truth, columns prediction.
    `configuration` maps dotted names to every setting that determines the training, `fingerprint` is its digest, and
    `commit` is the commit of the training. `baseline` says what a baseline does, to continue "no model is better than";
    it is None for a network. A baseline has no receptive field, an empty history, and no settings but its name.
    `uncounted` are the layers that arithmetic has no rule for; with them the multiply–accumulates are a lower bound.
    """

    name: str
    architecture: str
    receptive_field: tuple[int, ...] | None
    scores: Mapping[str, tuple[float, ...]]
    validation: Mapping[str, tuple[float, ...]]
    subgroups: Mapping[str, Mapping[str, tuple[float, ...]]]
    calibration: Calibration
    costs: Mapping[str, tuple[float, ...]]
    history: pd.DataFrame
    classes: tuple[str, ...]
    confusion: np.ndarray
    configuration: Mapping[str, object]
    fingerprint: str
    commit: str
    other_target: str | None = None
    uncounted: tuple[str, ...] = ()
    baseline: str | None = None

    def mean_cost(self, key: str) -> float:
        """The mean of a cost over replicates."""
        return mean(self.costs[key])

    def cost_text(self, cost: Cost) -> str:
        """The mean of a cost as text, marked if it is a lower bound."""
        return amount(cost, self.mean_cost(cost.key), bound=bool(self.uncounted))


@dataclass(frozen=True)
class DataSummary:
    """The images of a comparison, their source and their split.

    `name` is that of the configuration file; `title` is what readers know the images by.
    `image_shape` is (height, width, channels). `counts` maps split → class → number of images, in the first replicate.
    `largest_deviation` is the largest difference between the share of a class in a split and its share in all images,
    from 0 to 1.
    """

    name: str
    title: str
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
    """How often the test images were used before. Each use makes the best model look better than it is.

    `evaluated` counts the model configurations evaluated on these test images so far, including those of this
    comparison. `tuned` counts the configurations that experiments tried on images that this comparison may test on: all
    of them if the test sets are `redrawn` from all images, else those with another split or another form of the images.
    """

    evaluated: int
    tuned: int
    redrawn: bool


class Champion(NamedTuple):
    """The network that is put to use, None if there is none, with the reason as sentences.

    `replicates` are those that predict together, counted from 0; `by_person` is whether a person chose the network.
    """

    model: str | None
    reason: str
    replicates: tuple[int, ...] = ()
    by_person: bool = False


@dataclass(frozen=True)
class Comparison:
    """All values of a report: the data, the results of the models, and what is needed to reproduce them.

    `replicates` is the smallest number of replicates of a network. `certainty` covers the models that predict the
    class of an image. `by_class` has the scores of every class by model. `mistakes` maps the name of a model to a
    picture (PNG) of its most confident mistakes. `plan` is that of a search for verdicts, None for a fixed number
    of replicates. `augmented` maps the name of a model to a picture (PNG) of training images and their random
    changes. `shifts` maps the name of a model to how it reacts to shifts and rotations
    (`pipeline.interpretation.shift_scores`), `learned` to pictures (PNG) of what it has learned, by name; models that
    are not interpreted are missing. `findings` are those of the audit of the images, None without one. `champion` is
    the network that is put to use, None before it is chosen. `tracking_link` opens the compared runs in MLflow; it is
    None without a store.

    Raises:
        ValueError: there is no model, two models share a name, a model lacks the primary metric, or the number of its
            scores differs from the number of its training times.
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
    by_class: Mapping[str, tuple[ClassScores, ...]] = field(default_factory=dict)
    plan: Plan | None = None
    findings: tuple[Finding, ...] | None = None
    augmented: Mapping[str, bytes] = field(default_factory=dict)
    shifts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    learned: Mapping[str, Mapping[str, bytes]] = field(default_factory=dict)
    champion: Champion | None = None

    def __post_init__(self) -> None:
        """Check that tables can show the values."""
        names = [model.name for model in self.models]
        if not names or len(set(names)) < len(names):
            raise ValueError(f"`models` must be one or more models with different names. Received {names}.")
        for model in self.models:
            if not model.scores.get(self.primary_metric):
                raise ValueError(
                    f"`primary_metric` must be among the scores of every model. Received '{self.primary_metric}'; "
                    f"'{model.name}' has {', '.join(sorted(model.scores)) or 'none'}."
                )
            scores = model.scores[self.primary_metric]
            for key, values in model.costs.items():
                if len(values) not in (1, len(scores)):
                    raise ValueError(
                        "A cost must have one value, or one per replicate. "
                        f"Received {len(values)} values of '{key}' for {len(scores)} replicates of '{model.name}'."
                    )

    @property
    def replicates_range(self) -> str:
        """The number of replicates of each network as text, such as `10` or `10–20`."""
        most = max((len(model.scores[self.primary_metric]) for model in self.networks), default=self.replicates)
        return str(self.replicates) if most <= self.replicates else f"{self.replicates}–{most}"

    @property
    def comparable(self) -> tuple[ModelResult, ...]:
        """The models that predict the class of an image, so that their scores can be compared."""
        return tuple(model for model in self.models if model.other_target is None)

    @property
    def networks(self) -> tuple[ModelResult, ...]:
        """The models that are trained networks, not baselines."""
        return tuple(model for model in self.models if model.baseline is None)

    @property
    def baselines(self) -> dict[str, str]:
        """What each baseline does, by name."""
        return {model.name: model.baseline for model in self.models if model.baseline is not None}

    @property
    def decisive_costs(self) -> dict[str, float]:
        """The cost that decides between equally good models, by model; models with only a lower bound are left out."""
        return {model.name: model.mean_cost(DECISIVE.key) for model in self.comparable if not model.uncounted}
