"""The samplers of sweeps: Optuna's classes under the names that `hydra.sweeper.sampler` uses.

Each builder declares the options of its sampler as keyword-only parameters. Their defaults are Optuna's; a comment
explains every exception. A new sampler is built for each trial, seeded by the sweep's seed and the trial's number, and
learns from the earlier trials in the storage. A sweep that was interrupted therefore proposes the same settings as one
that was not.

Samplers are not configured by Hydra's `_target_`, because their options are checked before the first trial, and because
space, seed and number of the trial are arguments of some of them.
"""

from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import Annotated, Any, Literal

import numpy as np
from optuna import Study
from optuna.distributions import BaseDistribution, CategoricalDistribution
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

from pipeline.errors import UserError
from pipeline.sweeping.by_name import Natural, Positive, Probability, build_named
from pipeline.sweeping.space import Space

EXTRAS = {"gp": "torch", "cmaes": "cmaes"}
"""The package that a sampler needs in addition to Optuna. The extra that installs it has the sampler's name."""


def make_sampler(
    name: str,
    options: Mapping[str, Any],
    *,
    space: Space,
    directions: Sequence[StudyDirection],
    seed: int,
    trial_number: int,
) -> BaseSampler:
    """The sampler for one trial of a sweep.

    A conditional parameter is sampled independently of the others: by tpe from the trials that had it, by quasi_random
    as a separate dimension, by nsga2, gp and cmaes at random. cmaes also samples choices at random. The sampler
    `grid` samples nothing, because the values of each trial are queued.

    Raises:
        UserError: the sampler or an option is unknown, a package is missing, or the sampler cannot search this space.
    """
    if name in EXTRAS and find_spec(EXTRAS[name]) is None:
        raise UserError(f"The sampler {name} needs the extra `{name}`: pip install -e '.[{name}]'.")
    if name == "cmaes":
        _check_cmaes(space, directions)
    return build_named("sampler", name, SAMPLERS, options, space, seed, trial_number)


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

    Optuna's own class infers the space from the first trial, which lacks the parameters of other conditions. It also
    counts points in the storage, where two processes may use the same point and a requeued trial gets another one.
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
    # Scrambled, unlike in Optuna, because otherwise every seed gives the same points.
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
    # Less than half of Optuna's population, because a sweep of networks rarely has enough trials for generations of 50.
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
        raise UserError(
            f"The sampler cmaes supports one objective, but the sweep has {len(directions)}: use nsga2 or tpe."
        )
    if all(one.condition or isinstance(one.distribution, CategoricalDistribution) for one in space.parameters):
        raise UserError(
            "The sampler cmaes needs a range or an interval that is searched in every trial, but the space has none: "
            "use tpe."
        )
