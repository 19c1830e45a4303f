"""Choose a trial of a sweep to adopt, and read its settings.

`pipeline.sweeping.model_file` writes them to a file. Functions that compare the settings with those of the project take
`compose`: from a command and overrides to its checked configuration (`pipeline.cli.composing.composed`).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from pipeline.config.reading import flattened, read
from pipeline.config.schema import (
    NAMED,
    SECTIONS,
    AugmentationConfig,
    DataConfig,
    ModelConfig,
    OptimizerConfig,
    SplitConfig,
    TrainingConfig,
)
from pipeline.errors import UserError
from pipeline.sweeping.study import CONFIGURATION, REASON, trials_of
from pipeline.sweeping.summary import STATE_NAMES, best_of

SHARED = ("optimizer", "training", "augmentation")
"""The sections that the models of a comparison have in common unless a model file says otherwise."""

Compose = Callable[[str, Sequence[str]], dict[str, Any]]


@dataclass(frozen=True)
class TrialSettings:
    """The resolved configuration of a trial."""

    data: DataConfig
    split: SplitConfig
    optimizer: OptimizerConfig
    training: TrainingConfig
    augmentation: AugmentationConfig
    model: ModelConfig
    replicates: int


def chosen_trial(study: optuna.Study, number: int | None) -> FrozenTrial:
    """The complete trial of this number, or the best trial if `number` is None.

    Raises:
        UserError: the trial does not exist or is not complete, or several objectives have no single best trial.
    """
    trials = trials_of(study)
    best = best_of(study, [trial for trial in trials if trial.state == TrialState.COMPLETE])
    if number is not None and not 0 <= number < len(trials):
        existing = f"it has trials 0 to {len(trials) - 1}" if trials else "it has no trials yet"
        raise UserError(f"The sweep '{study.study_name}' has no trial {number}: {existing}.")
    if not best:
        counts = ", ".join(
            f"{sum(trial.state == state for trial in trials)} {name}"
            for state, name in STATE_NAMES.items()
            if state.is_finished()
        )
        raise UserError(
            f"The sweep '{study.study_name}' has no complete trial to adopt ({counts}): resume it with the command "
            "that started it."
        )
    if number is None and len(best) > 1:
        raise UserError(
            f"The sweep '{study.study_name}' has several objectives and {len(best)} Pareto-optimal trials: choose one "
            "with --trial NUMBER."
        )
    trial = best[0] if number is None else trials[number]
    if trial.state != TrialState.COMPLETE:
        reason = f" ({trial.user_attrs[REASON].rstrip('.')})" if REASON in trial.user_attrs else ""
        raise UserError(
            f"Trial {trial.number} of the sweep '{study.study_name}' is {STATE_NAMES[trial.state]}{reason}: adopt a "
            f"complete trial, such as trial {best[0].number}."
        )
    return trial


def settings_of(study: optuna.Study, trial: FrozenTrial) -> TrialSettings:
    """The settings of a complete trial, checked.

    Raises:
        UserError: the settings are missing or invalid, for instance because an earlier version stored them.
    """
    try:
        stored = dict(trial.user_attrs[CONFIGURATION])
        replicates = stored.pop("replicates")
        sections: dict[str, Any] = {}
        for section in (field.name for field in fields(TrialSettings) if field.name in SECTIONS):
            values = dict(stored[section])
            given = {"name": values.pop("name")} if section in NAMED else {}
            sections[section] = read(SECTIONS[section], values, section, given=given)
    except (KeyError, UserError) as problem:
        raise UserError(
            f"Cannot read the settings of trial {trial.number} of the sweep '{study.study_name}' "
            f"({str(problem).rstrip('.')}): this version of the project needs a new sweep, under another name."
        ) from None
    return TrialSettings(**sections, replicates=replicates)


def with_comparison(settings: TrialSettings, trial: FrozenTrial, compose: Compose) -> TrialSettings:
    """These settings of a trial, with the comparison's training, optimizer and augmentation where nothing was searched.

    The model keeps the trial's options.

    Raises:
        UserError: the sweep searched settings of another optimizer than the comparison's.
    """
    # The name of a parameter with a condition ends with that condition.
    searched = {name.partition(" ")[0]: value for name, value in searched_values(settings, trial).items()}
    overrides = [f"{key}={value}" for key, value in searched.items() if key.partition(".")[0] in SHARED]
    # Groups come first, because a chosen file replaces all values of its group.
    composed = compose("train", [f"model={settings.model.name}", *sorted(overrides, key=lambda one: "." in one)])
    ours, compared = settings.optimizer.name, composed["optimizer"].name
    if ours != compared and any(key.startswith("optimizer") for key in searched):
        raise UserError(
            f"The sweep searched settings of the optimizer {ours}, but the comparison uses {compared}: change "
            "`optimizer` in conf/comparison.yaml, or adopt all settings of the trial, without --searched."
        )
    return replace(settings, **{section: composed[section] for section in SHARED})


def searched_values(settings: TrialSettings, trial: FrozenTrial) -> dict[str, Any]:
    """The searched values of a trial by parameter, as the trial was trained with them.

    Optuna's own value of a step may differ, as in 0.30000000000000004.
    """
    sections = (*SHARED, "model")
    used = dict(flattened({section: asdict(getattr(settings, section)) for section in sections}))
    return {
        name: used.get(name.partition(" ")[0], value) if isinstance(value, float) else value
        for name, value in trial.params.items()
    }


def differences(settings: TrialSettings, compose: Compose) -> Iterator[str]:
    """The settings of data and split in which the trial differs from the comparison."""
    comparison = compose("prepare", [])
    for section in ("data", "split"):
        compared, tried = asdict(comparison[section]), asdict(getattr(settings, section))
        if tried["name"] != compared["name"]:
            yield f"{section} {tried['name']} instead of {compared['name']}"
            continue
        compared_values, tried_values = dict(flattened(compared)), dict(flattened(tried))
        for name in sorted({*compared_values, *tried_values}):
            if compared_values.get(name) != tried_values.get(name):
                yield f"{section}.{name} {tried_values.get(name)} instead of {compared_values.get(name)}"
