"""Error rates of repeated cross-validation and of repeated looks, with models that are really trained."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from pipeline.evaluation.predictions import Predictions
from pipeline.statistics.analysis import analyse
from pipeline.statistics.results import Certainty
from pipeline.studies.certainty.error_rates import LIMIT, REPEATED
from pipeline.studies.certainty.simulated_comparisons import SimulateComparison
from pipeline.studies.certainty.simulated_learners import FOLDS, LEARNERS, Learners, folded, locked

GROUPS = {"accuracy": (11, 33), "roc_auc": (11, 33)}
"""Numbers of groups by metric."""
REPETITIONS = (1, 2, 4)
CORRECTED = 2
"""Repetitions at which the corrected t test of Nadeau & Bengio is measured, too."""
STRENGTHS = (1.0, 1.15, 1.3, 1.6)
"""Signals of the better model; that of the other is 1."""
POWER_GROUPS = (22, 44)
DRAWINGS = 20
"""Few drawings suffice: they only determine the interval of P(A > B), which can prevent a verdict but not cause one."""
LOOKS = (2, 3, 4)
"""Repetitions at which the models are compared while the comparison grows."""


class FoldErrors(NamedTuple):
    """Shares of simulated comparisons of two equally good models by repeated cross-validation.

    `called` is the share in which a model is called better, `corrected` that of the corrected t test of Nadeau & Bengio
    on the same predictions where it is measured, and `covered` the share of intervals of a model that contain its true
    mean.
    """

    scenario: str
    metric: str
    repetitions: int
    groups: int
    simulations: int
    called: float
    corrected: float | None
    covered: float


class FoldPower(NamedTuple):
    """Shares of the verdict "better" on two models with the true difference `difference` in accuracy.

    All designs have ten replicates: two repetitions of five folds (`folds`), the same predictions with the corrected t
    test of Nadeau & Bengio (`corrected`), and one test set of a quarter of the groups (`locked`).
    """

    scenario: str
    groups: int
    simulations: int
    difference: float
    folds: float
    corrected: float
    locked: float


class LookErrors(NamedTuple):
    """Shares of growing comparisons of equally good models in which any look calls a model better.

    `planned` uses the level of several looks, `unplanned` the full level at every look. `trained` is the mean number of
    replicates of a model. After each look, only models in an undecided pair continue, even if more replicates seem
    hopeless: the worst case.
    """

    models: int
    groups: int
    simulations: int
    planned: float
    unplanned: float
    trained: float


def fold_errors(*, simulations: int) -> Iterator[FoldErrors]:
    """Measure the errors of each scenario, and once more with `REPEATED` simulations if a rate is above `LIMIT`."""
    for metric, sizes in GROUPS.items():
        for name, learners in LEARNERS.items():
            for groups in sizes:
                measured = measured_fold_errors(name, metric, learners, groups, simulations=simulations)
                if any(one.called > LIMIT for one in measured):
                    measured = measured_fold_errors(name, metric, learners, groups, simulations=REPEATED, seed=1)
                yield from measured


def measured_fold_errors(
    scenario: str, metric: str, learners: Learners, groups: int, *, simulations: int, seed: int = 0
) -> list[FoldErrors]:
    """Count wrong verdicts and correct intervals; all numbers of repetitions use the same simulations."""
    simulate = folded(learners, {"one": 1.0, "other": 1.0}, max(REPETITIONS), groups)
    generator = np.random.default_rng([groups, seed])
    found: dict[int, list[Certainty]] = {count: [] for count in REPETITIONS}
    corrected = []
    for _ in range(simulations):
        tested = simulate(generator)
        for count, analysed in found.items():
            first = {model: ones[: count * FOLDS] for model, ones in tested.items()}
            analysed.append(analyse(metric, first, margin=0.0, folds=FOLDS, drawings=DRAWINGS))
            if count == CORRECTED:
                corrected.append(analyse(metric, first, margin=0.0, drawings=DRAWINGS))
    return [
        FoldErrors(
            scenario,
            metric,
            count,
            groups,
            simulations,
            _better(analysed),
            _better(corrected) if count == CORRECTED else None,
            _covered(analysed),
        )
        for count, analysed in found.items()
    ]


def fold_power(*, simulations: int) -> Iterator[FoldPower]:
    """Measure how often each design finds a difference."""
    for name in ("few features", "random starts"):
        learners = LEARNERS[name]
        for groups in POWER_GROUPS:
            for strength in STRENGTHS:
                models = {"better": strength, "worse": 1.0}
                folds = folded(learners, models, 2, groups)
                one_test = locked(learners, models, 2 * FOLDS, groups)
                yield measured_power(name, groups, folds, one_test, simulations=simulations)


def measured_power(
    scenario: str, groups: int, folds: SimulateComparison, one_test: SimulateComparison, *, simulations: int
) -> FoldPower:
    """Count the verdicts of three designs; the true difference is the mean over all simulations with folds."""
    generator = np.random.default_rng([groups, 2])
    found: list[list[Certainty]] = [[], [], []]
    for _ in range(simulations):
        tested = folds(generator)
        found[0].append(analyse("accuracy", tested, margin=0.0, folds=FOLDS, drawings=DRAWINGS))
        found[1].append(analyse("accuracy", tested, margin=0.0, drawings=DRAWINGS))
        found[2].append(analyse("accuracy", one_test(generator), margin=0.0, drawings=DRAWINGS))
    means = [{one.model: one.mean for one in each.estimates} for each in found[0]]
    difference = float(np.mean([of["better"] - of["worse"] for of in means]))
    return FoldPower(scenario, groups, simulations, difference, *(_better(each, "better") for each in found))


def look_errors(*, simulations: int) -> Iterator[LookErrors]:
    """Measure the false alarms of comparisons that grow after each look."""
    for models in (2, 5):
        strengths = {str(number): 1.0 for number in range(models)}
        simulate = folded(LEARNERS["random starts"], strengths, max(LOOKS), 33)
        yield measured_look_errors(models, 33, simulate, simulations=simulations)


def measured_look_errors(models: int, groups: int, simulate: SimulateComparison, *, simulations: int) -> LookErrors:
    """Look at every comparison `len(LOOKS)` times, with the level of so many looks and with that of one."""
    generator = np.random.default_rng([models, groups, 4])
    planned = unplanned = trained = 0.0
    for _ in range(simulations):
        tested = simulate(generator)
        called, replicates = _looked(tested, len(LOOKS))
        planned += called
        trained += replicates
        unplanned += _looked(tested, 1)[0]
    return LookErrors(
        models, groups, simulations, planned / simulations, unplanned / simulations, trained / simulations
    )


def _looked(tested: dict[str, list[Predictions]], looks: int) -> tuple[bool, float]:
    """Whether any look calls a model better, and the mean number of replicates at the end."""
    grown: dict[str, int] = {}
    continuing, called = tuple(tested), False
    for repetitions in LOOKS:
        grown |= dict.fromkeys(continuing, repetitions * FOLDS)
        seen = {model: ones[: grown[model]] for model, ones in tested.items()}
        found = analyse("accuracy", seen, margin=0.0, folds=FOLDS, looks=looks, drawings=DRAWINGS)
        called = called or any(pair.verdict == "better" for pair in found.pairs)
        continuing = tuple(
            {model for pair in found.pairs if pair.verdict == "open" for model in (pair.first, pair.second)}
        )
    return called, float(np.mean(list(grown.values())))


def _better(found: list[Certainty], model: str | None = None) -> float:
    """The share of comparisons in which a model, or this model, is called better."""
    called = [any(pair.verdict == "better" and model in (None, pair.first) for pair in one.pairs) for one in found]
    return float(np.mean(called))


def _covered(found: list[Certainty]) -> float:
    """The share of intervals that contain the mean over all simulations, which estimates the true mean."""
    estimates = [one for each in found for one in each.estimates]
    true = np.mean([one.mean for one in estimates])
    return float(np.mean([one.low <= true <= one.high for one in estimates]))
