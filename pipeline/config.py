"""What may be configured: one frozen dataclass per section, checked before anything runs.

Hydra composes the files under `conf/`; `read` turns the composed values into these classes. A misspelt key, a wrong
type or a value out of range is a `UserError` that names the setting.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, TypeVar, get_type_hints

import yaml
from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError
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
    """A candidate: an architecture (`pipeline/architectures`) with its options."""

    name: str
    architecture: str
    options: Options


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

    `sweeper` is the process that has it made (`pipeline.processes`).
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
    primary_metric: Metric
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
    primary_metric: Metric
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

Section = TypeVar("Section")


def read(kind: type[Section], values: Any, where: str, *, given: Mapping[str, Any] = MappingProxyType({})) -> Section:
    """`values` as a checked `kind`; `where` is what a message calls them, such as `training`.

    Types are strict, as in JSON: true is no integer and "3" no number. What is `given` the values must not hold.

    >>> read(AugmentationConfig, {"horizontal_flip": True, "vertical_flip": False, "quarter_turns": False, "shift": -1},
    ...      "augmentation")
    Traceback (most recent call last):
    pipeline.errors.UserError: `augmentation.shift` must be an integer at least 0. Received -1.
    """
    hints = {name: hint for name, hint in get_type_hints(kind, include_extras=True).items() if name not in given}

    def full(name: str) -> str:
        return f"{where}.{name}" if where else name

    holder = f"`{where}`" if where else "Settings"
    if not isinstance(values, Mapping):
        raise UserError(f"{holder} must hold {', '.join(hints)}. Received {values!r}.")
    for name in values:
        if name not in hints:
            raise unknown("setting", full(name), map(full, hints))
    for name in hints:
        if name not in values:
            raise UserError(f"`{full(name)}` must be set.")
    try:
        checked = TypeAdapter(kind).validate_json(json.dumps({**values, **given}, default=str), strict=True)
        json.dumps(values, default=str, allow_nan=False)
    except ValidationError as problem:
        # A misspelt key says more than the one that is missing for it.
        first = min(problem.errors(), key=lambda error: error["type"] != "unexpected_keyword_argument")
    except ValueError:
        raise UserError(f"{holder} must hold finite numbers. Received {dict(values)}.") from None
    else:
        return checked
    name, *inner = map(str, first["loc"])
    detail = f" ({inner[-1]}: {first['msg']})" if inner and not inner[-1].isdigit() else ""
    raise UserError(f"`{full(name)}` must be {described(TypeAdapter(hints[name]))}{detail}. Received {values[name]!r}.")


def read_comparison(folder: Path = CONF) -> ComparisonConfig:
    """The comparison of the project in the working directory.

    Raises:
        UserError: there is no such project here, or its comparison has a mistake.
    """
    file = folder / "comparison.yaml"
    if not file.is_file():
        raise UserError(f"There is no {file} here; run this command in the project's folder.")
    try:
        with file.open("rb") as stream:
            comparison = read(ComparisonConfig, yaml.safe_load(stream), "")
        for group, choice in comparison.choices.items():
            check_choice(group, choice, folder)
        for model in comparison.models:
            check_choice("model", model, folder)
            if comparison.models.count(model) > 1:
                raise UserError(f"`models` must name each model once. Received '{model}' twice.")
    except yaml.YAMLError as problem:
        check_encoding(folder)
        raise broken_yaml(problem) from None
    except UserError as problem:
        raise UserError(f"In {file}: {problem}") from None
    return comparison


def broken_yaml(problem: Exception) -> UserError:
    """The error for a file under `conf/` that is no YAML, told by what the YAML parser says of it."""
    mark = getattr(problem, "problem_mark", None)
    if mark is None:
        return UserError(f"A file under {CONF}/ is not valid YAML: {' '.join(str(problem).split())}.")
    file = Path(mark.name)
    shown = file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file
    return UserError(f"{shown} is not valid YAML: {getattr(problem, 'problem', 'error')} in line {mark.line + 1}.")


def check_encoding(folder: Path = CONF) -> None:
    """Raise the error for the first configuration file that is not text in UTF-8, if there is one."""
    for file in sorted(folder.rglob("*.yaml")):
        try:
            file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise UserError(f"{file} is not UTF-8 text; save it as UTF-8.") from None


def flattened(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested values under dotted names.

    >>> dict(flattened({"optimizer": {"name": "SGD", "options": {"momentum": 0.9}}}))
    {'optimizer.name': 'SGD', 'optimizer.options.momentum': 0.9}
    """
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from flattened(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def choices_of(group: str, folder: Path = CONF) -> list[str]:
    """The names that `group=NAME` accepts."""
    return sorted(file.stem for file in (folder / group).glob("*.yaml"))


def check_choice(group: str, choice: str, folder: Path = CONF) -> None:
    """Raise the error for a choice that has no file in its group."""
    available = choices_of(group, folder)
    if choice not in available:
        raise unknown(group, choice, available)
