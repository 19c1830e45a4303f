"""How often verdicts and intervals are wrong: simulated comparisons of which the truth is known.

Writes reports/certainty/: false alarms between models that are alike, how often intervals hold the true value, how
often models that differ by the margin are called the same, and how often a larger difference is found.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import optimize, special

from pipeline.reporting.certainty import LIMIT, Coverage, Found, Rate, figures, text
from pipeline.reporting.figures.style import png_bytes
from pipeline.statistics import resampling
from pipeline.statistics.analysis import certainty
from pipeline.statistics.values import Tested
from pipeline.storage.files import replacing
from pipeline.storage.folders import REPORTS

Array = npt.NDArray[np.float64]
Comparisons = Callable[[np.random.Generator], dict[str, list[Tested]]]

IMAGES = 8
"""Images of one group."""
SIZES = {"accuracy": ((3, 4, 6, 10, 30), (5, 11, 30, 100)), "roc_auc": ((6, 10, 30), (5, 30))}
"""Numbers of replicates and of groups by metric; areas under ROC curves take longer."""
SIMULATIONS = 250
REPEATED = 3000
"""Comparisons that say anew how a situation is in which more than `LIMIT` were false alarms: a few are so by chance."""


@dataclass(frozen=True)
class World:
    """How far replicates, groups and images differ, in standard deviations of what a network says of an image.

    It says y · (signal + replicate + group) + image + noise, y being −1 or 1, and is right where that has the sign
    of y. All effects are drawn anew for each model; that of an image is the same in all replicates. `tails` are the
    degrees of freedom of the replicates' effects; a replicate collapses, and says noise only, with probability
    `collapses`.
    """

    replicate: float
    group: float
    image: float = 0.5
    noise: float = 0.5
    signal: float = 1.0
    tails: float = np.inf
    collapses: float = 0.0


WORLDS = {
    "replicates differ": World(replicate=0.4, group=0.05),
    "groups differ": World(replicate=0.05, group=0.5),
    "both differ": World(replicate=0.2, group=0.3),
    "only noise": World(replicate=0.0, group=0.0, image=0.0, noise=1.0),
    "heavy tails": World(replicate=0.2, group=0.1, tails=2.0),
    "some collapse": World(replicate=0.1, group=0.2, collapses=0.15),
}
QUIET = World(replicate=0.05, group=0.1, image=0.2, noise=0.3)
"""A world in which much can be told."""


def main() -> None:
    """Simulate, draw the figures and write the report."""
    alarms = tuple(false_alarms(simulations=SIMULATIONS))
    intervals = tuple(coverage(simulations=SIMULATIONS))
    power = tuple(verdicts(simulations=SIMULATIONS))
    folder = REPORTS / "certainty"
    for name, figure in figures(alarms, power).items():
        with replacing(folder / f"{name}.png") as unfinished:
            unfinished.write_bytes(png_bytes(figure))
    with replacing(folder / "report.md") as unfinished:
        unfinished.write_text(text(alarms, intervals, power), encoding="utf-8")


def crossed(worlds: dict[str, World], replicates: int, groups: int) -> Comparisons:
    """Models in their worlds, all of whose replicates are asked about the same images."""
    count = groups * IMAGES
    group = np.repeat(np.arange(groups), IMAGES)

    def simulated(generator: np.random.Generator) -> dict[str, list[Tested]]:
        truth = generator.permutation(count) % 2
        difficulty = generator.normal(size=count)
        tested = {}
        for name, world in worlds.items():
            effects = world.replicate * _drawn(world.tails, replicates, generator)
            signal = world.signal + effects[:, np.newaxis] + world.group * generator.normal(size=groups)[group]
            signal *= (generator.random(replicates) >= world.collapses)[:, np.newaxis]
            said = (2.0 * truth - 1) * signal + difficulty + world.image * generator.normal(size=count)
            said += world.noise * generator.normal(size=(replicates, count))
            tested[name] = [Tested(np.arange(count), group, truth, _probabilities(one), 3 * count) for one in said]
        return tested

    return simulated


def redrawn(replicates: int, groups: int, *, folds: bool) -> Comparisons:
    """Two ridge regressions on features of their own that say equally much, trained and tested on drawn groups.

    A quarter of the groups is tested on in each replicate, or, of `folds`, each group in one of them.
    """
    count, features = groups * IMAGES, 3
    group = np.repeat(np.arange(groups), IMAGES)

    def simulated(generator: np.random.Generator) -> dict[str, list[Tested]]:
        truth = generator.permutation(count) % 2
        side = 2.0 * truth - 1
        seen = {}
        for name in ("one", "other"):
            of_groups = 0.5 * generator.normal(size=(groups, features))[group]
            seen[name] = 0.6 * side[:, np.newaxis] + of_groups + generator.normal(size=(count, features))
        tested: dict[str, list[Tested]] = {name: [] for name in seen}
        order = generator.permutation(groups)
        for replicate in range(replicates):
            quarter = generator.permutation(groups) < round(groups / 4)
            drawn = order % replicates == replicate if folds else quarter
            asked = drawn[group]
            for name, values in seen.items():
                inputs = np.column_stack([np.ones(count), values])
                known = inputs[~asked]
                weights = np.linalg.solve(known.T @ known + np.eye(features + 1), known.T @ side[~asked])
                said = _probabilities(4 * inputs[asked] @ weights)
                tested[name].append(
                    Tested(np.flatnonzero(asked), group[asked], truth[asked], said, int((~asked).sum()))
                )
        return tested

    return simulated


def false_alarms(*, simulations: int) -> Iterator[Rate]:
    """How often one of several models that are alike is called better than another."""
    for metric, (some_replicates, some_groups) in SIZES.items():
        for name, world in WORLDS.items():
            for replicates in some_replicates:
                for groups in some_groups:
                    alike = crossed({"one": world, "other": world}, replicates, groups)
                    yield settled(name, metric, replicates, groups, alike, simulations=simulations)
    for replicates, groups in ((10, 11), (10, 30), (30, 30)):
        five = crossed({str(number): WORLDS["both differ"] for number in range(5)}, replicates, groups)
        yield settled("five models", "accuracy", replicates, groups, five, simulations=simulations)
    for folds, replicates in ((False, 6), (False, 10), (False, 30), (True, 5), (True, 10)):
        for groups in (11, 30, 100):
            name = "folds" if folds else "resampled splits"
            comparisons = redrawn(replicates, groups, folds=folds)
            yield settled(name, "accuracy", replicates, groups, comparisons, simulations=simulations)


def settled(
    world: str, metric: str, replicates: int, groups: int, comparisons: Comparisons, *, simulations: int
) -> Rate:
    """The rate of a situation; where it lies above the limit that of many further comparisons, which stands instead."""
    first = rate(world, metric, replicates, groups, comparisons, simulations=simulations)
    if first.called <= LIMIT:
        return first
    return rate(world, metric, replicates, groups, comparisons, simulations=REPEATED, seed=3)


def rate(
    world: str,
    metric: str,
    replicates: int,
    groups: int,
    comparisons: Comparisons,
    *,
    simulations: int,
    seed: int = 0,
) -> Rate:
    """How often any model is called better, and any interval of a difference of models that are alike excludes 0."""
    generator = np.random.default_rng([replicates, groups, seed])
    called = excluded = 0
    # The ends of P(A > B) make a verdict rarer, never more frequent: few drawings suffice.
    for _ in range(simulations):
        found = certainty(metric, comparisons(generator), margin=0.0, drawings=20)
        called += any(pair.verdict == "better" for pair in found.pairs)
        excluded += any(pair.low > 0 or pair.high < 0 for pair in found.pairs)
    return Rate(world, metric, replicates, groups, simulations, called / simulations, excluded / simulations)


def coverage(*, simulations: int) -> Iterator[Coverage]:
    """How often the interval of a mean holds the true mean, beside the percentiles of the bootstrap."""
    for metric in SIZES:
        for name, world in WORLDS.items():
            for replicates in (4, 10, 30):
                for groups in (5, 30):
                    comparisons = crossed({"one": world}, replicates, groups)
                    yield covered(name, metric, replicates, groups, comparisons, simulations=simulations)


def covered(
    world: str, metric: str, replicates: int, groups: int, comparisons: Comparisons, *, simulations: int
) -> Coverage:
    """The true mean is taken to be that of all simulated means."""
    generator = np.random.default_rng([replicates, groups, 1])
    ours, percentiles, means = [], [], []
    for _ in range(simulations):
        tested = comparisons(generator)
        (estimate,) = certainty(metric, tested, margin=0.0, drawings=20).estimates
        resampled = resampling.resample(metric, tested, drawings=300)
        drawn = resampling.weighted_mean(resampled.drawn, resampled.taken)[0]
        means.append(estimate.mean)
        ours.append((estimate.low, estimate.high))
        percentiles.append(tuple(np.nanquantile(drawn, (0.025, 0.975))))
    return Coverage(world, metric, replicates, groups, simulations, _holding(ours, means), _holding(percentiles, means))


def verdicts(*, simulations: int) -> Iterator[Found]:
    """How often two models are called better, the same or open, by their true difference."""
    for replicates, groups in ((6, 30), (10, 30), (10, 100), (30, 100)):
        margin = 0.03
        for signal in (1.0, 1.05, None, 1.2, 1.4):
            difference = margin if signal is None else true_accuracy(signal) - true_accuracy(1.0)
            better = replace(QUIET, signal=signal_of(margin) if signal is None else signal)
            comparisons = crossed({"better": better, "worse": QUIET}, replicates, groups)
            generator = np.random.default_rng([replicates, groups, 2])
            said = [
                certainty("accuracy", comparisons(generator), margin=margin, drawings=20).pairs[0]
                for _ in range(simulations)
            ]
            better_share, same = (
                sum(pair.verdict == verdict for pair in said) / simulations for verdict in ("better", "same")
            )
            wrong = sum(pair.verdict == "better" and pair.first == "worse" for pair in said) / simulations
            yield Found(replicates, groups, simulations, margin, difference, better_share, same, wrong)


def true_accuracy(signal: float) -> float:
    """Of a network in the quiet world: all that it says of an image is normal."""
    spread = np.sqrt(1 + QUIET.replicate**2 + QUIET.group**2 + QUIET.image**2 + QUIET.noise**2)
    return float(special.ndtr(signal / spread))


def signal_of(difference: float) -> float:
    """The signal that makes a network so much more accurate than one of signal 1."""
    return float(optimize.brentq(lambda signal: true_accuracy(signal) - true_accuracy(1.0) - difference, 1, 3))


def _drawn(tails: float, count: int, generator: np.random.Generator) -> Array:
    return generator.normal(size=count) if np.isinf(tails) else generator.standard_t(tails, size=count)


def _probabilities(said: Array) -> Array:
    second = 1 / (1 + np.exp(-said))
    return np.column_stack([1 - second, second])


def _holding(intervals: list[tuple[float, float]], means: list[float]) -> float:
    ends, true = np.array(intervals), np.nanmean(means)
    return float(np.mean((ends[:, 0] <= true) & (true <= ends[:, 1])))
