"""The samplers and pruners of sweeps: Optuna's, by the names and with the options that `hydra.sweeper` gives them.

A sampler is made anew for each trial, and what it knows of the trials before it is in the storage; so a sweep that was
interrupted proposes what it would have proposed. An option that is missing is Optuna's default, save where a comment
says why not.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import Annotated, Any, Literal, TypeVar

import numpy as np
from optuna import Study
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner, SuccessiveHalvingPruner
from optuna.samplers import (
    BaseSampler,
    CmaEsSampler,
    GPSampler,
    NSGAIISampler,
    QMCSampler,
    RandomSampler,
    TPESampler,
)
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial
from pydantic import Field

from pipeline.config.options import checked_options
from pipeline.errors import UserError, unknown
from pipeline.sweeping.space import Space

Natural = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]
Probability = Annotated[float, Field(ge=0, le=1)]

Made = TypeVar("Made")

EXTRAS = {"gp": "torch", "cmaes": "cmaes"}
"""The package that a sampler needs beyond Optuna; the extra of the installation bears the sampler's name."""


def make_sampler(
    name: str,
    options: Mapping[str, Any],
    *,
    space: Space,
    directions: Sequence[StudyDirection],
    seed: int,
    trial_number: int,
) -> BaseSampler:
    """The sampler for the trial of this number, in a sweep of the seed.

    A setting that is searched under a condition is sampled by itself: with tpe from the trials that had it, with
    quasi_random as a dimension of its own, with nsga2, gp and cmaes at random. cmaes draws choices at random as well.
    The sampler `grid` is asked for nothing, because every trial of a grid is given its values.

    Raises:
        UserError: there is no such sampler or option, its package is missing, or it cannot search this.
    """
    if name not in SAMPLERS:
        raise unknown("sampler", name, SAMPLERS)
    checked = checked_options(f"sampler {name}", SAMPLERS[name], options)
    if name in EXTRAS and find_spec(EXTRAS[name]) is None:
        raise UserError(f"The sampler {name} needs the extra `{name}`: pip install -e '.[{name}]'.")
    if name == "cmaes":
        _check_cmaes(space, directions)
    return _made(f"sampler {name}", lambda: SAMPLERS[name](space, seed, trial_number, **checked))


def make_pruner(
    name: str, options: Mapping[str, Any], *, max_steps: int, directions: Sequence[StudyDirection]
) -> BasePruner:
    """The pruner of a sweep whose trials report `max_steps` values at most.

    Raises:
        UserError: there is no such pruner or option, or several objectives are to be pruned by.
    """
    if name not in PRUNERS:
        raise unknown("pruner", name, PRUNERS)
    if len(directions) > 1 and name != "none":
        raise UserError(
            "`hydra.sweeper.pruner.name` must be none for several objectives, which no pruner weighs. "
            f"Received '{name}'."
        )
    checked = checked_options(f"pruner {name}", PRUNERS[name], options)
    return _made(f"pruner {name}", lambda: PRUNERS[name](max_steps, **checked))


def _made(kind: str, make: Callable[[], Made]) -> Made:
    """What `make` makes; what Optuna calls experimental is no news to its user, and its refusals are the user's."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        try:
            return make()
        except ValueError as problem:
            raise UserError(f"The {kind} cannot be made: {str(problem).rstrip('.')}.") from None


def _seed_of_trial(seed: int, trial_number: int) -> int:
    return int(np.random.SeedSequence([seed, trial_number]).generate_state(1)[0])


def _tpe(
    space: Space,
    seed: int,
    trial_number: int,
    *,
    n_startup_trials: Natural = 10,
    n_ei_candidates: Positive = 24,
    multivariate: bool | None = None,
    group: bool = False,
    constant_liar: bool = True,
) -> TPESampler:
    return TPESampler(
        n_startup_trials=n_startup_trials,
        n_ei_candidates=n_ei_candidates,
        multivariate=multivariate,
        group=group,
        constant_liar=constant_liar,
        seed=_seed_of_trial(seed, trial_number),
    )


def _random(space: Space, seed: int, trial_number: int) -> RandomSampler:
    return RandomSampler(_seed_of_trial(seed, trial_number))


class _QuasiRandomSampler(QMCSampler):
    """Trial n is the nth point of one sequence over the whole space.

    Optuna's own learns the space from the first trial, which lacks what other conditions ask for, and counts points in
    the storage, where two processes may take the same one, and a trial that is made again takes another.
    """

    def __init__(self, space: Mapping[str, BaseDistribution], **settings: Any) -> None:
        super().__init__(**settings)
        self._whole_space = dict(space)
        self._point = 0

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._whole_space

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        self._point = trial.number
        return super().sample_relative(study, trial, search_space)

    def _find_sample_id(self, study: Study, search_space: dict[str, BaseDistribution]) -> int:
        return self._point


def _quasi_random(
    space: Space, seed: int, trial_number: int, *, qmc_type: Literal["sobol", "halton"] = "sobol", scramble: bool = True
) -> QMCSampler:
    # Scrambled, unlike Optuna's default, because otherwise every seed gives the same points.
    searched = {parameter.name: parameter.distribution for parameter in space.parameters}
    return _QuasiRandomSampler(searched, qmc_type=qmc_type, scramble=scramble, seed=seed)


def _nsga2(
    space: Space,
    seed: int,
    trial_number: int,
    *,
    population_size: Annotated[int, Field(ge=2)] = 20,
    mutation_prob: Probability | None = None,
    crossover_prob: Probability = 0.9,
    swapping_prob: Probability = 0.5,
) -> NSGAIISampler:
    # Less than half of Optuna's population, because a sweep of networks rarely has the trials for generations of 50.
    return NSGAIISampler(
        population_size=population_size,
        mutation_prob=mutation_prob,
        crossover_prob=crossover_prob,
        swapping_prob=swapping_prob,
        seed=_seed_of_trial(seed, trial_number),
    )


def _cmaes(
    space: Space,
    seed: int,
    trial_number: int,
    *,
    n_startup_trials: Natural = 1,
    popsize: Annotated[int, Field(ge=2)] | None = None,
    consider_pruned_trials: bool = False,
    use_separable_cma: bool = False,
    with_margin: bool = False,
    lr_adapt: bool = False,
) -> CmaEsSampler:
    return CmaEsSampler(
        n_startup_trials=n_startup_trials,
        popsize=popsize,
        consider_pruned_trials=consider_pruned_trials,
        use_separable_cma=use_separable_cma,
        with_margin=with_margin,
        lr_adapt=lr_adapt,
        warn_independent_sampling=False,
        seed=_seed_of_trial(seed, trial_number),
    )


def _gp(
    space: Space, seed: int, trial_number: int, *, n_startup_trials: Natural = 10, deterministic_objective: bool = False
) -> GPSampler:
    return GPSampler(
        n_startup_trials=n_startup_trials,
        deterministic_objective=deterministic_objective,
        warn_independent_sampling=False,
        seed=_seed_of_trial(seed, trial_number),
    )


SAMPLERS: Mapping[str, Callable[..., BaseSampler]] = {
    "tpe": _tpe,
    "random": _random,
    "grid": _random,
    "quasi_random": _quasi_random,
    "nsga2": _nsga2,
    "gp": _gp,
    "cmaes": _cmaes,
}


def _check_cmaes(space: Space, directions: Sequence[StudyDirection]) -> None:
    if len(directions) > 1:
        raise UserError(f"The sampler cmaes searches for one objective, not {len(directions)}: take nsga2 or tpe.")
    if all(one.condition or isinstance(one.distribution, CategoricalDistribution) for one in space.parameters):
        raise UserError(
            "The sampler cmaes needs a range or an interval that is searched in every trial, and the space has none: "
            "take tpe."
        )


def _median(
    max_steps: int,
    *,
    n_startup_trials: Natural = 5,
    n_warmup_steps: Natural = 0,
    interval_steps: Positive = 1,
    n_min_trials: Positive = 1,
) -> MedianPruner:
    return MedianPruner(n_startup_trials, n_warmup_steps, interval_steps, n_min_trials=n_min_trials)


def _successive_halving(
    max_steps: int,
    *,
    min_resource: Positive | Literal["auto"] = 1,
    reduction_factor: Annotated[int, Field(ge=2)] = 4,
    min_early_stopping_rate: Natural = 0,
    bootstrap_count: Natural = 0,
) -> SuccessiveHalvingPruner:
    # From the first epoch on, unlike Optuna's "auto", which prunes nothing until a first trial is complete.
    return SuccessiveHalvingPruner(min_resource, reduction_factor, min_early_stopping_rate, bootstrap_count)


def _hyperband(
    max_steps: int,
    *,
    min_resource: Positive = 1,
    reduction_factor: Annotated[int, Field(ge=2)] = 3,
    bootstrap_count: Natural = 0,
) -> HyperbandPruner:
    if min_resource > max_steps:
        raise UserError(
            f"Option 'min_resource' of pruner hyperband must be at most {max_steps}, the epochs of a trial. "
            f"Received {min_resource}."
        )
    return HyperbandPruner(min_resource, max_steps, reduction_factor, bootstrap_count)


def _none(max_steps: int) -> NopPruner:
    return NopPruner()


PRUNERS: Mapping[str, Callable[..., BasePruner]] = {
    "median": _median,
    "successive_halving": _successive_halving,
    "hyperband": _hyperband,
    "none": _none,
}
