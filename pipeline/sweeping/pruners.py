"""The pruners of sweeps: Optuna's classes under the names that `hydra.sweeper.pruner` uses.

Each builder declares the options of its pruner as keyword-only parameters. Their defaults are Optuna's; a comment
explains every exception.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal

from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner, SuccessiveHalvingPruner
from optuna.study import StudyDirection
from pydantic import Field

from pipeline.errors import UserError
from pipeline.sweeping.by_name import Natural, Positive, build_named


def make_pruner(
    name: str, options: Mapping[str, Any], *, max_steps: int, directions: Sequence[StudyDirection]
) -> BasePruner:
    """The pruner of a sweep whose trials report at most `max_steps` intermediate values.

    Raises:
        UserError: the pruner or an option is unknown, or the sweep has several objectives.
    """
    if len(directions) > 1 and name != "none" and name in PRUNERS:
        raise UserError(
            "`hydra.sweeper.pruner.name` must be none for several objectives, because Optuna prunes by one objective "
            f"only. Received '{name}'."
        )
    return build_named("pruner", name, PRUNERS, options, max_steps)


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
    # From the first epoch on. Optuna's default "auto" prunes nothing until a first trial is complete.
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
            f"Option 'min_resource' of pruner hyperband must be at most {max_steps}, the number of epochs of a trial. "
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
