"""What may be configured: one frozen dataclass per section, checked before anything runs.

Hydra composes the files under `conf/`; `read` turns the composed values into these classes. A misspelt key, a wrong
type or a value out of range is a `UserError` that names the setting.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, TypeVar, get_type_hints

import yaml
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from pipeline.errors import UserError, unknown
from pipeline.options import described

CONF = Path("conf")

_checked = ConfigDict(extra="forbid")
Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(gt=0, lt=1)]
Metric = Literal[
    "accuracy", "balanced_accuracy", "f1", "roc_auc", "average_precision", "log_loss", "brier", "calibration_error"
]
Options = dict[str, Any]


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
    """A candidate: an architecture (`pipeline/architectures`) with its options."""

    name: str
    architecture: str
    options: Options


@dataclass(frozen=True, config=_checked)
class ScheduleConfig:
    """A class of `keras.optimizers.schedules` by name; an option that is null is Keras' default."""

    name: str
    options: Options


@dataclass(frozen=True, config=_checked)
class OptimizerConfig:
    """A class of `keras.optimizers` by name; an option that is null is Keras' default."""

    name: str
    learning_rate: Annotated[float, Field(gt=0)]
    options: Options
    schedule: ScheduleConfig | None


@dataclass(frozen=True, config=_checked)
class TrainingConfig:
    """How long and in which portions to train, and which weights to keep."""

    epochs: Count
    batch_size: Count
    evaluation_batch_size: Count
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
class ComparisonConfig:
    """What `dvc repro` compares (conf/comparison.yaml): names of files under conf/, and how often."""

    data: str
    split: str
    models: Annotated[tuple[str, ...], Field(min_length=1)]
    replicates: Count
    primary_metric: Metric
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
    primary_metric: Metric
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

Section = TypeVar("Section")


def read(kind: type[Section], values: Any, where: str) -> Section:
    """`values` as a checked `kind`; `where` is what a message calls them, such as `training`.

    Types are strict, as in JSON: true is no integer and "3" no number.

    >>> read(AugmentationConfig, {"horizontal_flip": True, "vertical_flip": False, "quarter_turns": False, "shift": -1},
    ...      "augmentation")
    Traceback (most recent call last):
    pipeline.errors.UserError: `augmentation.shift` must be an integer at least 0. Received -1.
    """
    try:
        return TypeAdapter(kind).validate_json(json.dumps(values), strict=True)
    except ValidationError as problem:
        first = problem.errors()[0]
    path, rule = [str(part) for part in first["loc"]], first["type"]
    full = ".".join(part for part in (where, *path) if part)
    hints = get_type_hints(kind, include_extras=True)
    if rule == "unexpected_keyword_argument":
        raise unknown("setting", full, [f"{where}.{name}".lstrip(".") for name in hints])
    if not path or path[0] not in hints or rule in ("missing", "missing_argument"):
        raise UserError(f"`{full}` must be set: {where} needs {', '.join(hints)}.")
    raise UserError(f"`{full}` must be {described(TypeAdapter(hints[path[0]]))}. Received {first['input']!r}.")


def read_comparison(folder: Path = CONF) -> ComparisonConfig:
    """The comparison of the project in the working directory.

    Raises:
        UserError: there is no such project here, or its comparison has a mistake.
    """
    file = folder / "comparison.yaml"
    if not file.is_file():
        raise UserError(f"There is no {file} here; run this command in the project's folder.")
    try:
        values = yaml.safe_load(file.read_text())
    except yaml.YAMLError as problem:
        raise UserError(f"{file} is not valid YAML: {' '.join(str(problem).split())}.") from None
    comparison = read(ComparisonConfig, values, str(file))
    for group, choice in comparison.choices.items():
        check_choice(group, choice, folder)
    for model in comparison.models:
        check_choice("model", model, folder)
    repeated = [model for model in comparison.models if comparison.models.count(model) > 1]
    if repeated:
        raise UserError(f"`{file}.models` must name each model once. Received '{repeated[0]}' twice.")
    return comparison


def choices_of(group: str, folder: Path = CONF) -> list[str]:
    """The names that `group=NAME` accepts."""
    return sorted(file.stem for file in (folder / group).glob("*.yaml"))


def check_choice(group: str, choice: str, folder: Path = CONF) -> None:
    """Raise the error for a choice that has no file in its group."""
    available = choices_of(group, folder)
    if choice not in available:
        raise unknown(group, choice, available)
