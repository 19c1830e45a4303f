"""A sweep from its settings to its end: what to search, what was found before, what is left to do, what came of it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from itertools import islice
from typing import Any
from uuid import uuid4

import optuna
from omegaconf import OmegaConf
from optuna.distributions import CategoricalDistribution
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from pipeline.config.reading import flattened, read
from pipeline.config.schema import SECTIONS, SweepConfig
from pipeline.console import say
from pipeline.errors import UserError
from pipeline.storage.fingerprints import fingerprint
from pipeline.storage.processes import this_process
from pipeline.sweeping.launching import make_launcher
from pipeline.sweeping.log import GROWING, logging_sweep
from pipeline.sweeping.promise import LOGGED
from pipeline.sweeping.samplers import make_pruner, make_sampler
from pipeline.sweeping.space import Space, difference, read_space
from pipeline.sweeping.study import (
    DEFINITION,
    IDENTITY,
    SETTINGS,
    alone,
    make_storage,
    make_study,
    reaching,
    trials_of,
    whole_address,
)
from pipeline.sweeping.sweeper import Sweeper
from pipeline.sweeping.telling import Teller, summarise, summary_lines


def sweep(settings: Mapping[str, Any], arguments: Sequence[str], **hydra: Any) -> None:
    """Make the trials that a sweep lacks.

    `settings` are those of `SweepConfig`, `arguments` the overrides of the command line; `hydra` is what Hydra gives a
    sweeper: its context, the function that does a job, and the configuration.

    Raises:
        UserError: a mistake in the settings, or the sweep of this name is another one; no trial could be completed.
    """
    chosen = read(SweepConfig, settings, "hydra.sweeper")
    config = hydra["config"]
    space, fixed = read_space(chosen.space, chosen.when, arguments, hydra["hydra_context"].config_loader)
    directions = _directions(chosen)
    total, max_steps = _total(chosen, space), _max_steps(space, config)
    sampler = partial(
        make_sampler,
        chosen.sampler.name,
        chosen.sampler.options,
        space=space,
        directions=directions,
        seed=chosen.seed,
    )
    # Mistakes are told before anything is made.
    sampler(trial_number=0)
    _check_pruner(chosen, directions, max_steps)
    _check_settings(space, fixed, hydra)
    definition = _definition(chosen, space, config)
    name = _name(chosen, definition, config.hydra.runtime.choices)
    storage = whole_address(chosen.storage)
    kept: dict[str, Any] = {
        "sampler": asdict(chosen.sampler),
        "pruner": asdict(chosen.pruner),
        "seed": chosen.seed,
        "trials": total,
        "max_steps": max_steps,
    }
    with reaching(storage):
        study = _study(name, storage, directions, definition)
        with alone(study, storage):
            study.set_user_attr(SETTINGS, kept)
            if chosen.sampler.name == "grid":
                _enqueue(study, space, total)
        launcher, room = make_launcher(**hydra)
        teller = Teller(study, chosen.objectives, total, parallel=min(room, total))
        say(teller.beginning())
        searched = {**kept, "objectives": list(chosen.objectives), **space.written}
        with logging_sweep(study, storage, chosen.objectives, data=_data(space, config), parameters=searched) as log:

            def launch(overrides: Sequence[str], number: int) -> Any:
                told = _address(storage, name, number)
                return launcher.launch([[*fixed, *overrides, told]], initial_job_idx=number)[0]

            def on_trial(trial: FrozenTrial) -> None:
                say(teller.line(trial))
                log.update(summarise(study))

            Sweeper(
                study,
                storage,
                space,
                total,
                teller.parallel,
                launch=launch,
                make_sampler=lambda number: sampler(trial_number=number),
                silence=chosen.silence,
                max_failures=chosen.max_failures,
                on_trial=on_trial,
            ).run()
            summary = summarise(study, made=teller.made, parallel=teller.parallel)
            for line in summary_lines(name, summary, chosen.objectives):
                say(line)
            log.finish(summary)
    if not summary.complete:
        raise UserError("No trial was completed.")


def _enqueue(study: optuna.Study, space: Space, total: int) -> None:
    """Add the combinations that a grid still lacks, in Hydra's order, whatever order they were added in before."""
    listed = [trial.system_attrs.get("fixed_params", trial.params) for trial in trials_of(study)]
    known = {frozenset(parameters.items()) for parameters in listed}
    missing = (parameters for parameters in space.grid() if frozenset(parameters.items()) not in known)
    for parameters in islice(missing, max(0, total - len(listed))):
        study.enqueue_trial(parameters)


def _directions(chosen: SweepConfig) -> list[StudyDirection]:
    """Which way each objective is to go."""
    if len(set(chosen.objectives)) < len(chosen.objectives):
        raise UserError(f"`hydra.sweeper.objectives` must name each once. Received {', '.join(chosen.objectives)}.")
    return [
        StudyDirection.MAXIMIZE if objective in GROWING else StudyDirection.MINIMIZE for objective in chosen.objectives
    ]


def _address(storage: str, name: str, number: int) -> str:
    """The override that tells a job which trial it makes."""
    place = f"storage:{_quoted(storage)},study:{_quoted(name)},number:{number},sweeper:{_quoted(this_process())}"
    return f"hydra.sweeper.trial={{{place}}}"


def _data(space: Space, config: Any) -> list[str]:
    """The data sets that the trials use."""
    for parameter in space.parameters:
        if parameter.key == "data":
            values: Any = parameter.distribution
            return [str(name) for name in values.choices]
    return [str(config.hydra.runtime.choices["data"])]


def _definition(chosen: SweepConfig, space: Space, config: Any) -> dict[str, Any]:
    """What must stay the same for trials to be comparable: space, objectives, and all that is not searched."""
    searched = {parameter.key for parameter in space.parameters}
    values: Any = OmegaConf.to_container(config, resolve=False)
    kept = {name: values[name] for name in (*SECTIONS, "replicates") if name in values and name not in searched}
    settings = {name: value for name, value in flattened(kept) if name not in searched}
    return {"objectives": list(chosen.objectives), **space.written, "settings": settings}


def _name(chosen: SweepConfig, definition: Mapping[str, Any], choices: Mapping[str, str | None]) -> str:
    """The name that was given, or the choices that make the sweep; where these name no space, what tells it apart."""
    if chosen.name is not None:
        if not re.fullmatch(r"\w[\w.,=+@-]*", chosen.name):
            raise UserError(
                "`hydra.sweeper.name` must be made of letters, digits and .,=+@-_ and begin with a letter or digit. "
                f"Received '{chosen.name}'."
            )
        return chosen.name
    if not choices.get("sweep"):
        return f"{chosen.sampler.name}-{fingerprint(definition)[:8]}"
    groups = [group for group in ("sweep", "model", "data") if group not in definition["space"] and choices.get(group)]
    return "-".join(str(choices[group]) for group in groups)


def _total(chosen: SweepConfig, space: Space) -> int:
    """How many trials the sweep has in all."""
    if chosen.sampler.name == "grid":
        return min(chosen.trials or space.grid_size, space.grid_size)
    if not space.parameters:
        raise UserError("There is nothing to search: choose a space, such as `sweep=small`, or give ranges of values.")
    if chosen.trials is None:
        raise UserError(f"`hydra.sweeper.trials` must be set for the sampler {chosen.sampler.name}.")
    return chosen.trials


def _max_steps(space: Space, config: Any) -> int:
    """The number of epochs of a trial that is not pruned, those of all its replicates; the most that the space has."""
    epochs = OmegaConf.select(config, "training.epochs") or 1
    for parameter in space.parameters:
        if parameter.key == "training.epochs":
            values: Any = parameter.distribution
            choices = values.choices if isinstance(values, CategoricalDistribution) else [values.high]
            epochs = max(epochs, *map(int, choices))
    return int(epochs * config.replicates)


def _check_pruner(chosen: SweepConfig, directions: Sequence[StudyDirection], max_steps: int) -> None:
    make_pruner(chosen.pruner.name, chosen.pruner.options, max_steps=max_steps, directions=directions)
    if chosen.pruner.name != "none" and chosen.objectives[0] not in LOGGED:
        raise UserError(
            f"`hydra.sweeper.pruner.name` must be none for the objective {chosen.objectives[0]}, which is not known "
            f"while a network trains. Received '{chosen.pruner.name}'."
        )


def _check_settings(space: Space, fixed: Sequence[str], hydra: Mapping[str, Any]) -> None:
    """Compose a trial under each condition, so that a misspelt setting is told at once, in Hydra's words."""
    first = {one.name: one.listed[0] if one.listed else vars(one.distribution)["low"] for one in space.parameters}
    searched = {one.key: one for one in space.parameters if one.condition is None}
    for condition in {one.condition for one in space.parameters}:
        case = dict(first)
        if condition is not None:
            deciding = searched[condition.key]
            case[deciding.name] = next(
                value for value in deciding.listed or () if deciding.text(value) in condition.values
            )
        overrides = space.suggest(optuna.trial.FixedTrial(case))
        hydra["hydra_context"].config_loader.load_sweep_config(hydra["config"], [*fixed, *overrides])


def _study(name: str, storage: str, directions: Sequence[StudyDirection], definition: dict[str, Any]) -> optuna.Study:
    """The study of the sweep, made where it is missing, or where nothing but failures came of other settings.

    Raises:
        UserError: there is one of this name with other settings.
    """
    make_storage(storage)
    study = make_study(name, storage, directions)
    with alone(study, storage):
        known = study.user_attrs.get(DEFINITION)
        if known not in (None, definition) and all(trial.state == TrialState.FAIL for trial in trials_of(study)):
            optuna.delete_study(study_name=name, storage=study._storage)
            study, known = make_study(name, storage, directions), None
        if known is None:
            study.set_user_attr(IDENTITY, uuid4().hex)
            study.set_user_attr(DEFINITION, definition)
        elif known != definition:
            searched = {f"settings.{key}" for one in (known, definition) for key in one["space"]}
            changed = [line for line in difference(known, definition) if line.partition(":")[0] not in searched]
            raise UserError(
                f"The sweep {name} was begun with other settings: {'; '.join(changed)}. Put them back, or begin "
                "another one: hydra.sweeper.name=NAME."
            )
    return study


def _quoted(text: str) -> str:
    """A text in Hydra's grammar."""
    escaped = text.replace("'", "\\'")
    return f"'{escaped}'"
