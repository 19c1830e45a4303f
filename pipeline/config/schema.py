"""What may be configured: one frozen dataclass per section."""

from collections.abc import Mapping
from dataclasses import field
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field
from pydantic.dataclasses import dataclass

_checked = ConfigDict(extra="forbid")
Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(gt=0, lt=1)]
Objective = Literal["validation_loss", "validation_accuracy", "parameters", "multiply_accumulates", "seconds"]
Margin = Annotated[float, Field(gt=0)]
"""A difference of the primary metric below which two models are practically the same."""
Options = dict[str, Any]


def _without_null(options: Options) -> Options:
    return {name: value for name, value in options.items() if value is not None}


GivenOptions = Annotated[Options, AfterValidator(_without_null)]
"""Options without those that are null, so that to switch one off is the same as never to have set it."""


@dataclass(frozen=True, config=_checked)
class DataConfig:
    """A source of images (`pipeline/data/sources`) with its options."""

    name: str
    source: str
    options: Options


@dataclass(frozen=True, config=_checked)
class SplitConfig:
    """How images are divided into training, validation and test; shares are of all images, `folds` is for `kfold`."""

    name: str
    strategy: str
    test_share: Share | None
    validation_share: Share
    folds: Annotated[int, Field(ge=2)] | None
    seed: Annotated[int, Field(ge=0)]


@dataclass(frozen=True, config=_checked)
class ModelConfig:
    """A candidate: an architecture (`pipeline/architectures`) and the options that differ from its defaults."""

    name: str
    architecture: str
    options: Options = field(default_factory=dict)


@dataclass(frozen=True, config=_checked)
class ScheduleConfig:
    """A class of `keras.optimizers.schedules` by name; an option that is null is Keras' default."""

    name: str
    options: GivenOptions


@dataclass(frozen=True, config=_checked)
class OptimizerConfig:
    """A class of `keras.optimizers` by name; an option that is null is Keras' default."""

    name: str
    learning_rate: Annotated[float, Field(gt=0)]
    options: GivenOptions
    schedule: ScheduleConfig | None


@dataclass(frozen=True, config=_checked)
class TrainingConfig:
    """How long, in which portions and by which loop of Keras to train, and which weights to keep."""

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
    """Random changes of training images that keep their class; `shift` in pixels."""

    horizontal_flip: bool
    vertical_flip: bool
    quarter_turns: bool
    shift: Annotated[int, Field(ge=0)]


@dataclass(frozen=True, config=_checked)
class EvaluationConfig:
    """How predictions on the test set are made and timed, and how many mistakes are shown."""

    batch_size: Count
    timing_repeats: Count
    mistakes: Count


@dataclass(frozen=True, config=_checked)
class NamedOptions:
    """A sampler or pruner of a sweep by name; an option that is missing is Optuna's default."""

    name: str
    options: Options


@dataclass(frozen=True, config=_checked)
class TrialAddress:
    """Where a trial of a sweep is kept: the address of Optuna's storage, the study's name and the trial's number.

    `sweeper` is the process that has it made (`pipeline.storage.processes`).
    """

    storage: str
    study: str
    number: Annotated[int, Field(ge=0)]
    sweeper: str


@dataclass(frozen=True, config=_checked)
class SweepConfig:
    """A search over settings (conf/hydra/sweeper), in whose words `space` is written; null `trials` are all of a grid.

    `silence`: seconds without a sign of life after which a trial on another machine counts as dead. `trial` is what
    the sweeper tells each job.
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
class ComparisonConfig:
    """What `dvc repro` compares (conf/comparison.yaml): names of files under conf/, and how often."""

    data: str
    split: str
    models: Annotated[tuple[str, ...], Field(min_length=1)]
    replicates: Count
    primary_metric: str
    margin: Margin
    optimizer: str
    training: str
    augmentation: str

    @property
    def choices(self) -> dict[str, str]:
        """The file chosen in each group of `conf/`, all but the model."""
        groups = ("data", "split", "optimizer", "training", "augmentation")
        return {group: getattr(self, group) for group in groups}


@dataclass(frozen=True, config=_checked)
class Settings:
    """What stands in no section. `workers`: processes side by side, null for as many as the machine feeds."""

    replicates: Count
    models: Annotated[tuple[str, ...], Field(min_length=1)]
    primary_metric: str
    margin: Margin
    workers: Count | None


SECTIONS: Mapping[str, type] = MappingProxyType(
    {
        "data": DataConfig,
        "split": SplitConfig,
        "optimizer": OptimizerConfig,
        "training": TrainingConfig,
        "augmentation": AugmentationConfig,
        "model": ModelConfig,
        "evaluation": EvaluationConfig,
    }
)
NAMED = ("data", "split", "model")
"""The sections whose `name` is that of the file they were composed from."""
