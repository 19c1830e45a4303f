"""The sections of the configuration: one frozen dataclass each."""

from collections.abc import Mapping
from dataclasses import MISSING, asdict, field, fields
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field
from pydantic.dataclasses import dataclass

_checked = ConfigDict(extra="forbid")
Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(gt=0, lt=1)]
Objective = Literal[
    "validation_loss", "validation_accuracy", "validation_roc_auc", "parameters", "multiply_accumulates", "seconds"
]
Margin = Annotated[float, Field(gt=0)]
"""A difference of the primary metric below which two models are practically the same."""
MOST_REPLICATES = 1000
"""More replicates of a model are taken for a typing error: their splits would fill the memory."""
Replicates = Annotated[int, Field(ge=1, le=MOST_REPLICATES)] | Literal["auto"]
"""Replicates of each model; `auto` lets `convtrack decide` train more until the verdicts are clear."""
Workers = Count | Literal["ray"] | None
"""Parallel processes of this machine, as many as it allows (null), or those of a Ray cluster."""
Options = dict[str, Any]


def _without_null(options: Options) -> Options:
    return {name: value for name, value in options.items() if value is not None}


GivenOptions = Annotated[Options, AfterValidator(_without_null)]
"""Options without nulls: an option set to null is the same as an option that is not set."""


@dataclass(frozen=True, config=_checked)
class DataConfig:
    """A source of images (`pipeline/data/sources`) with its options.

    With `groups: auto`, copies and near copies of an image join its group.
    """

    name: str
    source: str
    options: Options
    groups: Literal["stated", "auto"] = "stated"


@dataclass(frozen=True, config=_checked)
class AuditConfig:
    """The tolerance of the audit of the images, and the severities that replace the defaults of checks.

    The balanced accuracy of a prediction that sees no pixels may exceed chance by `margin`.
    """

    margin: Share
    checks: dict[str, Literal["stop", "warn", "note", "ignore"]]


@dataclass(frozen=True, config=_checked)
class SplitConfig:
    """How to split images into training, validation and test. Shares refer to all images.

    `folds` is for `kfold`, `tuning_share` for `kfold` and `tuning`.
    """

    name: str
    strategy: str
    test_share: Share | None
    validation_share: Share
    folds: Annotated[int, Field(ge=2)] | None
    tuning_share: Share | None
    seed: Annotated[int, Field(ge=0)]


@dataclass(frozen=True, config=_checked)
class ModelConfig:
    """A candidate: an architecture (`pipeline/architectures`) and the options that differ from its defaults."""

    name: str
    architecture: str
    options: Options = field(default_factory=dict)


@dataclass(frozen=True, config=_checked)
class ScheduleConfig:
    """A class of `keras.optimizers.schedules` and its options; null means the default of Keras."""

    name: str
    options: GivenOptions


@dataclass(frozen=True, config=_checked)
class OptimizerConfig:
    """A class of `keras.optimizers` and its options; null means the default of Keras."""

    name: str
    learning_rate: Annotated[float, Field(gt=0)]
    options: GivenOptions
    schedule: ScheduleConfig | None


@dataclass(frozen=True, config=_checked)
class TrainingConfig:
    """How to train: epochs, batch sizes, loop, the weights to keep, early stopping, class weights, threads and seed."""

    epochs: Count
    batch_size: Count
    evaluation_batch_size: Count
    loop: Literal["fit", "explicit"]
    keep: Literal["best", "last"]
    patience: Count | None
    class_weights: Literal["none", "balanced"]
    threads: Count
    seed: Annotated[int, Field(ge=0)]


@dataclass(frozen=True, config=_checked)
class AugmentationConfig:
    """Random changes of training images (`pipeline/augmentation`); 0 or false switches one off.

    Later settings have defaults, so that files and stored trials of earlier versions remain valid.
    """

    horizontal_flip: bool
    vertical_flip: bool
    quarter_turns: bool
    shift: Annotated[int, Field(ge=0)]  # largest shift in pixels
    rotate: Annotated[float, Field(ge=0, le=180)] = 0.0  # largest angle in degrees
    zoom: Annotated[float, Field(ge=0, le=1)] = 0.0  # enlarge or shrink by up to this share
    brightness: Annotated[float, Field(ge=0, le=1)] = 0.0  # largest change, as a share of the range of grey levels
    contrast: Annotated[float, Field(ge=0, le=1)] = 0.0  # largest change of the factor 1
    noise: Annotated[float, Field(ge=0, le=1)] = 0.0  # standard deviation, as a share of the range of grey levels
    cutout: Annotated[float, Field(ge=0, le=1)] = 0.0  # side of the hole, as a share of the shorter side of the image
    mixup: Annotated[float, Field(ge=0, le=1000)] = 0.0  # α of mix-up; infinity would give pixels that are no numbers
    cutmix: Annotated[float, Field(ge=0, le=1000)] = 0.0  # α of cut-mix

    @property
    def chosen(self) -> dict[str, Any]:
        """The settings without later ones that are off, so that a training of an earlier version is recognised."""
        required = {one.name for one in fields(self) if one.default is MISSING}
        return {name: value for name, value in asdict(self).items() if value or name in required}


@dataclass(frozen=True, config=_checked)
class EvaluationConfig:
    """How to present the predictions of the test set: the number of misclassified images to show."""

    mistakes: Count


@dataclass(frozen=True, config=_checked)
class InterpretationConfig:
    """Whether to interpret the trained networks, and with how many test images of each replicate, at most."""

    enabled: bool
    images: Count


@dataclass(frozen=True, config=_checked)
class ChampionConfig:
    """Which network becomes the champion, and which of its trainings; `model: null` lets the comparison choose."""

    model: str | None
    why: str | None
    replicate: Literal["median", "ensemble"]


@dataclass(frozen=True, config=_checked)
class NamedOptions:
    """A sampler or pruner of a sweep and its options; options that are not set keep the defaults of Optuna."""

    name: str
    options: Options


@dataclass(frozen=True, config=_checked)
class TrialAddress:
    """The identity of a trial of a sweep: the address of Optuna's storage, the name of the study and the trial number.

    `sweeper` identifies the process that started the trial (`pipeline.storage.processes`).
    """

    storage: str
    study: str
    number: Annotated[int, Field(ge=0)]
    sweeper: str


@dataclass(frozen=True, config=_checked)
class SweepConfig:
    """A search over settings; conf/hydra/sweeper explains the fields.

    If `trials` is null, a grid runs completely. `silence` is the number of seconds without a heartbeat after which a
    trial on another machine or in another container counts as dead. The sweeper sets `trial` for each job.
    """

    name: str | None
    storage: str
    objectives: Annotated[tuple[Objective, ...], Field(min_length=1)]
    sampler: NamedOptions
    pruner: NamedOptions
    trials: Count | None
    seed: Annotated[int, Field(ge=0)]
    max_failures: Count
    silence: Annotated[float, Field(gt=0)]
    space: Options
    when: dict[str, Options]
    trial: TrialAddress | None


@dataclass(frozen=True, config=_checked)
class AutoConfig:
    """What `replicates: auto` uses: the least and the greatest number of replicates of a model.

    `minutes` is the time after which `convtrack decide` starts no further training.
    """

    least: Annotated[int, Field(ge=2, le=MOST_REPLICATES)]
    greatest: Annotated[int, Field(ge=2, le=MOST_REPLICATES)]
    minutes: Annotated[float, Field(gt=0)]


@dataclass(frozen=True, config=_checked)
class ComparisonConfig:
    """What `dvc repro` compares (conf/comparison.yaml): names of files under conf/, replicates, metric and margin."""

    data: str
    split: str
    models: Annotated[tuple[str, ...], Field(min_length=1)]
    baselines: tuple[str, ...]
    replicates: Replicates
    auto: AutoConfig
    primary_metric: str
    margin: Margin
    optimizer: str
    training: str
    augmentation: str

    @property
    def most_replicates(self) -> int:
        """The greatest number of replicates of a model."""
        return self.auto.greatest if self.replicates == "auto" else self.replicates

    @property
    def choices(self) -> dict[str, str]:
        """The file chosen in each group of `conf/`, all but the model."""
        groups = ("data", "split", "optimizer", "training", "augmentation")
        return {group: getattr(self, group) for group in groups}


@dataclass(frozen=True, config=_checked)
class RayConfig:
    """The Ray cluster of `workers: ray`: HOST:PORT of its head node, or `auto` for the cluster of this machine."""

    address: Annotated[
        str,
        Field(pattern=r"^(auto|[^/\s]+:\d+)$", description="HOST:PORT such as head:6379, or auto, in conf/config.yaml"),
    ] = "auto"


@dataclass(frozen=True, config=_checked)
class Settings:
    """Settings outside of sections.

    `workers`: number of parallel processes; null for as many as the machine allows, `ray` for those of the cluster
    `ray`. `snapshots`: whether trainings write what `convtrack watch` shows.

    Only some commands take `replicates` and `auto` (`pipeline.cli.registry`), so these have defaults.
    """

    models: Annotated[tuple[str, ...], Field(min_length=1)]
    baselines: tuple[str, ...]
    primary_metric: str
    margin: Margin
    workers: Workers
    ray: RayConfig = RayConfig()
    snapshots: bool = True
    replicates: Replicates = 1
    auto: AutoConfig = AutoConfig(least=2, greatest=2, minutes=1)


SECTIONS: Mapping[str, type] = MappingProxyType(
    {
        "data": DataConfig,
        "split": SplitConfig,
        "optimizer": OptimizerConfig,
        "training": TrainingConfig,
        "augmentation": AugmentationConfig,
        "model": ModelConfig,
        "evaluation": EvaluationConfig,
        "audit": AuditConfig,
        "interpretation": InterpretationConfig,
        "champion": ChampionConfig,
    }
)
NAMED = ("data", "split", "model")
"""The sections whose `name` is that of the file they were composed from."""
