"""Run a sweep: read its settings, open its study, run the missing trials, report the result."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import islice
from typing import Any

import optuna
from omegaconf import OmegaConf
from optuna.distributions import CategoricalDistribution
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial

from pipeline.config.reading import read
from pipeline.config.schema import SweepConfig
from pipeline.console import say
from pipeline.errors import UserError
from pipeline.storage.interrupts import deferred_interrupts
from pipeline.storage.processes import this_process
from pipeline.sweeping.database import database_errors_explained, full_address, study_lock
from pipeline.sweeping.definition import MAXIMISED, sweep_definition, sweep_name
from pipeline.sweeping.grammar import quoted
from pipeline.sweeping.grid_search import combination_count, combinations
from pipeline.sweeping.intermediate_values import LOGGED
from pipeline.sweeping.launchers import make_launcher, preload_workers
from pipeline.sweeping.ownership import Observer
from pipeline.sweeping.pruners import make_pruner
from pipeline.sweeping.samplers import make_sampler
from pipeline.sweeping.scheduler import Scheduler
from pipeline.sweeping.space import Space
from pipeline.sweeping.space_reader import read_space
from pipeline.sweeping.study import SETTINGS, resume_or_create, trials_of
from pipeline.sweeping.summary import summarise


@dataclass(frozen=True)
class Plan:
    """The checked settings of a sweep.

    `fixed` holds the overrides that all trials share, `total` the number of trials, `max_steps` the most epochs of a
    trial over all its replicates, and `data` the names of the data sets.
    """

    chosen: SweepConfig
    space: Space
    fixed: Sequence[str]
    directions: Sequence[StudyDirection]
    total: int
    max_steps: int
    definition: dict[str, Any]
    name: str
    data: Sequence[str]

    def sampler(self, trial_number: int) -> optuna.samplers.BaseSampler:
        """The sampler for the trial of this number."""
        return make_sampler(
            self.chosen.sampler.name,
            self.chosen.sampler.options,
            space=self.space,
            directions=self.directions,
            seed=self.chosen.seed,
            trial_number=trial_number,
        )

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that the study stores for its trials; they may change between two commands."""
        return {
            "sampler": asdict(self.chosen.sampler),
            "pruner": asdict(self.chosen.pruner),
            "seed": self.chosen.seed,
            "trials": self.total,
            "max_steps": self.max_steps,
        }


def sweep(
    settings: Mapping[str, Any], arguments: Sequence[str], *, explain: Callable[[Exception], str | None], **hydra: Any
) -> None:
    """Run the remaining trials of a sweep.

    Args:
        settings: those of `SweepConfig`.
        arguments: the overrides of the command line.
        explain: turns an exception of Hydra into a sentence for the user, or returns None.
        hydra: what Hydra passes to a sweeper: `hydra_context`, `task_function` and `config`.

    Raises:
        UserError: a setting is invalid, the sweep exists with other settings, or no trial was completed.
    """
    # Before anything is written, so that a mistake leaves no trace.
    plan = _checked_plan(settings, arguments, hydra)
    storage = full_address(plan.chosen.storage)
    preload_workers(hydra["config"])
    # MLflow and pandas take seconds to import. Meanwhile the workers import TensorFlow.
    from pipeline.sweeping.console_report import ConsoleReport, summary_lines
    from pipeline.sweeping.mlflow_log import logging_sweep

    with database_errors_explained(storage):
        with deferred_interrupts():
            study = resume_or_create(plan.name, storage, plan.directions, plan.definition)
            with study_lock(study, storage):
                study.set_user_attr(SETTINGS, plan.settings)
                if plan.chosen.sampler.name == "grid":
                    _enqueue_combinations(study, plan.space, plan.total)
        launcher, workers = make_launcher(**hydra)
        report = ConsoleReport(study, plan.chosen.objectives, plan.total, parallel=min(workers, plan.total))
        say(report.first_line())
        parameters = {**plan.settings, "objectives": list(plan.chosen.objectives), **plan.space.written}
        with logging_sweep(study, storage, plan.chosen.objectives, data=plan.data, parameters=parameters) as log:

            def on_trial(trial: FrozenTrial) -> None:
                say(report.trial_line(trial))
                log.update(summarise(study))

            Scheduler(
                study,
                storage,
                plan.space,
                plan.total,
                report.parallel,
                launch=partial(_launch, launcher, plan, storage),
                make_sampler=plan.sampler,
                explain=explain,
                observer=Observer(plan.chosen.silence),
                max_failures=plan.chosen.max_failures,
                on_trial=on_trial,
            ).run()
            summary = summarise(study, own_trials=report.own_trials, parallel=report.parallel)
            for line in summary_lines(plan.name, summary, plan.chosen.objectives):
                say(line)
            log.finish(summary)
    if not summary.complete:
        raise UserError("No trial of the sweep was completed: the lines above give the reasons.")


def _launch(launcher: Any, plan: Plan, storage: str, overrides: Sequence[str], number: int) -> Any:
    """Run one trial as a job of the launcher, and return the launcher's result."""
    address = f"storage:{quoted(storage)},study:{quoted(plan.name)},number:{number},sweeper:{quoted(this_process())}"
    job = [*plan.fixed, *overrides, f"hydra.sweeper.trial={{{address}}}"]
    return launcher.launch([job], initial_job_idx=number)[0]


def _checked_plan(settings: Mapping[str, Any], arguments: Sequence[str], hydra: Mapping[str, Any]) -> Plan:
    """The plan of a sweep; raises `UserError` for every mistake that can be found before a trial runs."""
    chosen = read(SweepConfig, settings, "hydra.sweeper")
    config = hydra["config"]
    space, fixed = read_space(chosen.space, chosen.when, arguments, hydra["hydra_context"].config_loader)
    definition = sweep_definition(chosen, space, config)
    plan = Plan(
        chosen,
        space,
        fixed,
        _directions(chosen),
        _total(chosen, space),
        _max_steps(space, config),
        definition,
        sweep_name(chosen, definition, config.hydra.runtime.choices),
        _data_sets(space, config),
    )
    plan.sampler(trial_number=0)
    _check_pruner(plan)
    _check_composition(plan, hydra)
    return plan


def _enqueue_combinations(study: optuna.Study, space: Space, total: int) -> None:
    """Queue the combinations that a grid still lacks, in Hydra's order, whatever is queued already."""
    queued = [trial.system_attrs.get("fixed_params", trial.params) for trial in trials_of(study)]
    known = {frozenset(parameters.items()) for parameters in queued}
    missing = (parameters for parameters in combinations(space) if frozenset(parameters.items()) not in known)
    for parameters in islice(missing, max(0, total - len(queued))):
        study.enqueue_trial(parameters)


def _directions(chosen: SweepConfig) -> list[StudyDirection]:
    """Whether each objective is minimised or maximised."""
    if len(set(chosen.objectives)) < len(chosen.objectives):
        raise UserError(
            f"`hydra.sweeper.objectives` must list each objective once. Received {', '.join(chosen.objectives)}."
        )
    return [
        StudyDirection.MAXIMIZE if objective in MAXIMISED else StudyDirection.MINIMIZE
        for objective in chosen.objectives
    ]


def _data_sets(space: Space, config: Any) -> list[str]:
    """The data sets that the trials use."""
    for parameter in space.parameters:
        if parameter.key == "data":
            values: Any = parameter.distribution
            return [str(name) for name in values.choices]
    return [str(config.hydra.runtime.choices["data"])]


def _total(chosen: SweepConfig, space: Space) -> int:
    """The number of trials."""
    if chosen.sampler.name == "grid":
        size = combination_count(space)
        return min(chosen.trials or size, size)
    if not space.parameters:
        raise UserError(
            "The search space is empty: choose one, such as `sweep=small`, or give a setting several values."
        )
    if chosen.trials is None:
        raise UserError(
            f"`hydra.sweeper.trials` must be a number for the sampler {chosen.sampler.name}; only a grid is finite."
        )
    return chosen.trials


def _max_steps(space: Space, config: Any) -> int:
    """The number of epochs of a trial that is not pruned, summed over its replicates; the largest in the space."""
    if not isinstance(config.replicates, int):
        raise UserError(
            f"`replicates` must be an integer at least 1 in a sweep. Received {config.replicates!r}: give a number."
        )
    epochs = OmegaConf.select(config, "training.epochs") or 1
    for parameter in space.parameters:
        if parameter.key == "training.epochs":
            values: Any = parameter.distribution
            choices = values.choices if isinstance(values, CategoricalDistribution) else [values.high]
            epochs = max(epochs, *map(int, choices))
    return int(epochs * config.replicates)


def _check_pruner(plan: Plan) -> None:
    pruner, objective = plan.chosen.pruner, plan.chosen.objectives[0]
    make_pruner(pruner.name, pruner.options, max_steps=plan.max_steps, directions=plan.directions)
    if pruner.name != "none" and objective not in LOGGED:
        raise UserError(
            f"`hydra.sweeper.pruner.name` must be none for the objective {objective}, which is unknown until training "
            f"ends. Received '{pruner.name}'."
        )


def _check_composition(plan: Plan, hydra: Mapping[str, Any]) -> None:
    """Compose one trial per condition, so that a misspelt setting is found before the first trial runs."""
    parameters = plan.space.parameters
    first = {one.name: one.listed[0] if one.listed else vars(one.distribution)["low"] for one in parameters}
    unconditional = {one.key: one for one in plan.space.unconditional}
    for condition in {one.condition for one in parameters}:
        values = dict(first)
        if condition is not None:
            deciding = unconditional[condition.key]
            values[deciding.name] = next(
                value for value in deciding.listed or () if deciding.text(value) in condition.values
            )
        overrides = plan.space.suggest(optuna.trial.FixedTrial(values))
        hydra["hydra_context"].config_loader.load_sweep_config(hydra["config"], [*plan.fixed, *overrides])
