"""Error rates of verdicts and confidence intervals in simulated comparisons."""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from pipeline.statistics import resampling
from pipeline.statistics.analysis import analyse
from pipeline.studies.certainty.simulated_comparisons import (
    LOW_VARIANCE,
    SCENARIOS,
    SimulateComparison,
    crossed,
    signal_for,
    true_accuracy,
)
from pipeline.studies.certainty.simulated_learners import LEARNERS, resampled

SIZES = {"accuracy": ((6, 10, 30), (5, 30)), "roc_auc": ((10,), (5, 30))}
"""Numbers of replicates and of groups per metric; the area under the ROC curve takes longer to compute."""
LIMIT = 0.06
"""False-alarm rates above this limit are measured again, because the nominal rate is 5 %."""
REPEATED = 1500
"""Simulations of the second measurement."""
FIRST_SEED, SECOND_SEED = 0, 3


class FalseAlarms(NamedTuple):
    """Shares of simulated comparisons of equally good models.

    `called` is the share in which a model is called better, `excluded` the share in which the confidence interval of
    a difference excludes 0.
    """

    scenario: str
    metric: str
    replicates: int
    groups: int
    simulations: int
    called: float
    excluded: float


class Coverage(NamedTuple):
    """Share of simulations in which the interval of a mean contains the true mean.

    `ours` is that of the reported interval, `percentiles` that of the percentile bootstrap.
    """

    scenario: str
    metric: str
    replicates: int
    groups: int
    simulations: int
    ours: float
    percentiles: float


class VerdictShares(NamedTuple):
    """Share of each verdict on two models whose true accuracies differ by `difference`.

    `wrong` is the share in which the worse model is called better.
    """

    replicates: int
    groups: int
    simulations: int
    margin: float
    difference: float
    better: float
    same: float
    wrong: float


def false_alarms(*, simulations: int) -> Iterator[FalseAlarms]:
    """Measure how often one of several equally good models is called better than another."""
    for metric, (some_replicates, some_groups) in SIZES.items():
        for name, scenario in SCENARIOS.items():
            for replicates in some_replicates:
                for groups in some_groups:
                    equal = crossed({"one": scenario, "other": scenario}, replicates, groups)
                    yield confirmed_false_alarms(name, metric, replicates, groups, equal, simulations=simulations)
    for replicates, groups in ((10, 11), (10, 30)):
        five = crossed({str(number): SCENARIOS["both vary"] for number in range(5)}, replicates, groups)
        yield confirmed_false_alarms("five models", "accuracy", replicates, groups, five, simulations=simulations)
    for replicates in (10, 30):
        for groups in (11, 30):
            simulate = resampled(LEARNERS["few features"], {"one": 1.0, "other": 1.0}, replicates, groups)
            name = "resampled splits"
            yield confirmed_false_alarms(name, "accuracy", replicates, groups, simulate, simulations=simulations)


def confirmed_false_alarms(
    scenario: str, metric: str, replicates: int, groups: int, simulate: SimulateComparison, *, simulations: int
) -> FalseAlarms:
    """Measure false alarms, and once more with `REPEATED` new simulations if the rate is above the limit.

    With few simulations, some rates exceed the limit by chance.
    """
    first = measured_false_alarms(scenario, metric, replicates, groups, simulate, simulations=simulations)
    if first.called <= LIMIT:
        return first
    return measured_false_alarms(scenario, metric, replicates, groups, simulate, simulations=REPEATED, seed=SECOND_SEED)


def measured_false_alarms(
    scenario: str,
    metric: str,
    replicates: int,
    groups: int,
    simulate: SimulateComparison,
    *,
    simulations: int,
    seed: int = FIRST_SEED,
) -> FalseAlarms:
    """Count the comparisons with a verdict `better`, and those with an interval that excludes 0."""
    generator = np.random.default_rng([replicates, groups, seed])
    called = excluded = 0
    # Few drawings suffice: they only determine the interval of P(A > B), which can prevent a verdict but not cause one.
    for _ in range(simulations):
        found = analyse(metric, simulate(generator), margin=0.0, drawings=20)
        called += any(pair.verdict == "better" for pair in found.pairs)
        excluded += any(pair.low > 0 or pair.high < 0 for pair in found.pairs)
    return FalseAlarms(scenario, metric, replicates, groups, simulations, called / simulations, excluded / simulations)


def coverage(*, simulations: int) -> Iterator[Coverage]:
    """Measure how often the interval of a mean, and the percentile bootstrap, contain the true mean."""
    for metric in SIZES:
        for name, scenario in SCENARIOS.items():
            for replicates in (4, 10) if metric == "accuracy" else (10,):
                for groups in (5, 30):
                    simulate = crossed({"one": scenario}, replicates, groups)
                    yield measured_coverage(name, metric, replicates, groups, simulate, simulations=simulations)


def measured_coverage(
    scenario: str, metric: str, replicates: int, groups: int, simulate: SimulateComparison, *, simulations: int
) -> Coverage:
    """Count the intervals that contain the true mean, which is estimated by the mean over all simulations."""
    generator = np.random.default_rng([replicates, groups, 1])
    ours, percentiles, means = [], [], []
    for _ in range(simulations):
        tested = simulate(generator)
        (estimate,) = analyse(metric, tested, margin=0.0, drawings=20).estimates
        resampled = resampling.resample(metric, tested, drawings=300)
        drawn = resampling.weighted_mean(resampled.drawn, resampled.taken)[0]
        means.append(estimate.mean)
        ours.append((estimate.low, estimate.high))
        percentiles.append(tuple(np.nanquantile(drawn, (0.025, 0.975))))
    return Coverage(
        scenario, metric, replicates, groups, simulations, _containing(ours, means), _containing(percentiles, means)
    )


def verdict_shares(*, simulations: int) -> Iterator[VerdictShares]:
    """Measure how often each verdict is reached on two models, depending on their true difference."""
    for replicates, groups in ((6, 30), (10, 100)):
        margin = 0.03
        for signal in (1.0, 1.05, None, 1.2, 1.4):
            difference = margin if signal is None else true_accuracy(signal) - true_accuracy(1.0)
            better = replace(LOW_VARIANCE, signal=signal_for(margin) if signal is None else signal)
            simulate = crossed({"better": better, "worse": LOW_VARIANCE}, replicates, groups)
            generator = np.random.default_rng([replicates, groups, 2])
            pairs = [
                analyse("accuracy", simulate(generator), margin=margin, drawings=20).pairs[0]
                for _ in range(simulations)
            ]
            better_share, same = (
                sum(pair.verdict == verdict for pair in pairs) / simulations for verdict in ("better", "same")
            )
            wrong = sum(pair.verdict == "better" and pair.first == "worse" for pair in pairs) / simulations
            yield VerdictShares(replicates, groups, simulations, margin, difference, better_share, same, wrong)


def _containing(intervals: list[tuple[float, float]], means: list[float]) -> float:
    ends, true = np.array(intervals), np.nanmean(means)
    return float(np.mean((ends[:, 0] <= true) & (true <= ends[:, 1])))
