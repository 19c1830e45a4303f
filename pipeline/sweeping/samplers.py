"""The samplers and pruners of sweeps: Optuna's, by the names and with the options that `hydra.sweeper` gives them.

A sampler is made anew for each trial, and what it knows of the trials before it is in the storage; so a sweep that was
interrupted proposes what it would have proposed. Options that are missing are Optuna's defaults.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import Annotated, Any, Literal, TypeVar

import numpy as np
from optuna.distributions import CategoricalDistribution
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
from pydantic import Field

from pipeline.errors import UserError, unknown
from pipeline.options import checked_options
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
    quasi_random as a dimension of its own, with nsga2, gp and cmaes at random. cmaes also draws choices at random.
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
    space: Space, seed: int, trial_number: int, *, n_startup_trials: Natural = 10, n_ei_candidates: Positive = 24
) -> TPESampler:
    conditional = any(parameter.condition for parameter in space.parameters)
    return TPESampler(
        n_startup_trials=n_startup_trials,
        n_ei_candidates=n_ei_candidates,
        multivariate=True,
        group=conditional,
        # Trials that run at the same time are to be different ones.
        constant_liar=True,
        seed=_seed_of_trial(seed, trial_number),
    )


def _random(space: Space, seed: int, trial_number: int) -> RandomSampler:
    return RandomSampler(_seed_of_trial(seed, trial_number))


def _quasi_random(
    space: Space, seed: int, trial_number: int, *, qmc_type: Literal["sobol", "halton"] = "sobol"
) -> QMCSampler:
    # One sequence for the whole sweep: its place in it is kept in the storage.
    return QMCSampler(
        qmc_type=qmc_type,
        scramble=True,
        seed=seed,
        independent_sampler=RandomSampler(_seed_of_trial(seed, trial_number)),
        warn_independent_sampling=False,
    )


def _nsga2(
    space: Space,
    seed: int,
    trial_number: int,
    *,
    population_size: Annotated[int, Field(ge=2)] = 20,
    crossover_prob: Probability = 0.9,
    swapping_prob: Probability = 0.5,
) -> NSGAIISampler:
    return NSGAIISampler(
        population_size=population_size,
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
    sigma0: Annotated[float, Field(gt=0)] | None = None,
    popsize: Positive | None = None,
) -> CmaEsSampler:
    return CmaEsSampler(
        n_startup_trials=n_startup_trials,
        sigma0=sigma0,
        popsize=popsize,
        independent_sampler=RandomSampler(_seed_of_trial(seed, trial_number)),
        warn_independent_sampling=False,
        seed=_seed_of_trial(seed, trial_number),
    )


def _gp(
    space: Space, seed: int, trial_number: int, *, n_startup_trials: Natural = 10, deterministic_objective: bool = False
) -> GPSampler:
    return GPSampler(
        n_startup_trials=n_startup_trials,
        deterministic_objective=deterministic_objective,
        independent_sampler=RandomSampler(_seed_of_trial(seed, trial_number)),
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
        raise UserError("The sampler cmaes searches for one objective: take nsga2 or tpe for several.")
    numbers = [one for one in space.parameters if not isinstance(one.distribution, CategoricalDistribution)]
    if len(numbers) < 2:
        raise UserError("The sampler cmaes needs at least two settings that are numbers: take tpe.")


def _median(
    max_steps: int, *, n_startup_trials: Natural = 5, n_warmup_steps: Natural = 0, interval_steps: Positive = 1
) -> MedianPruner:
    return MedianPruner(n_startup_trials, n_warmup_steps, interval_steps)


def _successive_halving(
    max_steps: int, *, min_resource: Positive = 1, reduction_factor: Annotated[int, Field(ge=2)] = 4
) -> SuccessiveHalvingPruner:
    return SuccessiveHalvingPruner(min_resource, reduction_factor)


def _hyperband(
    max_steps: int, *, min_resource: Positive = 1, reduction_factor: Annotated[int, Field(ge=2)] = 3
) -> HyperbandPruner:
    return HyperbandPruner(min_resource, max_steps, reduction_factor)


def _none(max_steps: int) -> NopPruner:
    return NopPruner()


PRUNERS: Mapping[str, Callable[..., BasePruner]] = {
    "median": _median,
    "successive_halving": _successive_halving,
    "hyperband": _hyperband,
    "none": _none,
}
