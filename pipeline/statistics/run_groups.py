"""Compare groups of runs of which only one value per run is known.

Two groups are compared in pairs if most of their runs have a partner in the other group, such as the run with the same
seed; otherwise as independent samples. Runs are the only sample: nothing is known about the images.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import numpy.typing as npt
from scipy import special

from pipeline.evaluation.metrics import Metric
from pipeline.statistics import inference, unpaired, verdicts
from pipeline.statistics.multiple_tests import holm
from pipeline.statistics.resampling import drawn_weights
from pipeline.statistics.results import LEVEL, Verdict

Array = npt.NDArray[np.float64]

DRAWINGS = 2000
"""Resamples of the bootstrap for the share of wins."""
SAFE = 2.0**150
"""Variances and their squares are exact enough for values from 1 / SAFE to SAFE."""


@dataclass(frozen=True)
class Group:
    """The runs of one group: mean, sample standard deviation, interval of the mean; NaN where unknown."""

    name: str
    runs: int
    mean: float
    deviation: float
    low: float
    high: float


@dataclass(frozen=True)
class GroupPair:
    """The comparison of two groups, `first` being the one with the better mean.

    Attributes:
        first: name of the group with the better mean over these runs.
        second: name of the other group.
        paired: whether runs are compared in pairs.
        runs: the numbers of runs that are compared, equal if they are paired.
        difference: mean of first − second over these runs.
        low: lower end of its 95 % interval.
        high: upper end of its interval.
        p_value: two-sided, of the hypothesis that the true difference is zero.
        adjusted: `p_value` after Holm's correction for all pairs of groups.
        wins: probability that a run of first is better than its partner, or than any run of second.
        equivalence: probability that the difference lies within ± the margin.
        verdict: `better`, `same` or `open`.
        decidable: whether so few runs could show a difference at all.
    """

    first: str
    second: str
    paired: bool
    runs: tuple[int, int]
    difference: float
    low: float
    high: float
    p_value: float
    adjusted: float
    wins: float
    equivalence: float
    verdict: Verdict
    decidable: bool


@dataclass(frozen=True)
class GroupComparison:
    """All groups, best mean first, and all pairs of groups with finite values."""

    groups: tuple[Group, ...]
    pairs: tuple[GroupPair, ...]


@dataclass(frozen=True)
class _Difference:
    """The difference of two groups before any correction for other pairs; `wins_high` is the upper end of `wins`."""

    paired: bool
    runs: tuple[int, int]
    mean: float
    error: float
    freedom: float
    p_value: float
    least: float
    wins: float
    wins_high: float


def compare_groups(
    values: Mapping[str, Mapping[str, float]],
    *,
    lower_is_better: bool,
    margin: float,
    tested_share: float = 0.0,
    metric: Metric | None = None,
) -> GroupComparison:
    """Estimate the mean of each group and compare all pairs of groups.

    Args:
        values: by group, then by key; runs of two groups with the same key are partners.
        lower_is_better: whether a lower value is better.
        margin: differences up to it are practically zero; 0 if unknown.
        tested_share: number of tested over trained images if partners share a fold or split of the same images, which
            makes the runs of a group dependent (Nadeau & Bengio 2003); 0 for independent runs.
        metric: properties of the metric, whose bounds the intervals respect; None if unknown.
    """
    unit = _unit(values)
    if unit != 1:
        scaled = {name: {key: value / unit for key, value in own.items()} for name, own in values.items()}
        found = compare_groups(
            scaled, lower_is_better=lower_is_better, margin=margin / unit, tested_share=tested_share, metric=None
        )
        return _times(found, unit)
    arrays = {name: np.array(list(own.values()), np.float64) for name, own in values.items()}
    sign = -1 if lower_is_better else 1
    groups = [_group(name, array, tested_share, metric) for name, array in arrays.items()]
    groups.sort(key=lambda one: (not np.isfinite(one.mean), -sign * one.mean))
    names = [one.name for one in groups if np.isfinite(one.mean)]
    between = [_ordered(a, b, values, sign, tested_share) for a, b in combinations(names, 2)]
    adjusted = holm([difference.p_value for _, _, difference in between])
    pairs = (
        _pair(a, b, difference, float(corrected), margin, len(between))
        for (a, b, difference), corrected in zip(between, adjusted, strict=True)
    )
    return GroupComparison(tuple(groups), tuple(pairs))


def _unit(values: Mapping[str, Mapping[str, float]]) -> float:
    """A power of two near the largest value if squares of the values would overflow or vanish, else 1."""
    sizes = [abs(value) for own in values.values() for value in own.values() if np.isfinite(value)]
    largest = max(sizes, default=0.0)
    return 1.0 if largest == 0 or 1 / SAFE <= largest <= SAFE else float(2.0 ** (np.frexp(largest)[1] - 1))


def _times(compared: GroupComparison, unit: float) -> GroupComparison:
    """The same comparison with all values multiplied by a unit."""
    groups = (
        replace(one, mean=one.mean * unit, deviation=one.deviation * unit, low=one.low * unit, high=one.high * unit)
        for one in compared.groups
    )
    pairs = (
        replace(pair, difference=pair.difference * unit, low=pair.low * unit, high=pair.high * unit)
        for pair in compared.pairs
    )
    return GroupComparison(tuple(groups), tuple(pairs))


def _group(name: str, values: Array, tested_share: float, metric: Metric | None) -> Group:
    mean = float(values.mean()) if np.isfinite(values).all() else np.nan
    low = high = deviation = np.nan
    if len(values) > 1 and np.isfinite(mean):
        variance = inference.redrawn(values, tested_share)
        deviation, half = float(values.std(ddof=1)), variance.quantile() * variance.error
        low, high = verdicts.interval(mean, variance, metric) if metric else (mean - half, mean + half)
    return Group(name, len(values), mean, deviation, low, high)


def _ordered(
    one: str, other: str, values: Mapping[str, Mapping[str, float]], sign: int, tested_share: float
) -> tuple[str, str, _Difference]:
    """The better group of two, the other one, and their difference."""
    difference = _difference(values[one], values[other], sign, tested_share)
    if sign * difference.mean >= 0:
        return one, other, difference
    return other, one, _difference(values[other], values[one], sign, tested_share)


def _difference(one: Mapping[str, float], other: Mapping[str, float], sign: int, tested_share: float) -> _Difference:
    shared = [key for key in one if key in other]
    if len(shared) >= max(2, min(len(one), len(other)) / 2):
        return _paired(np.array([one[key] - other[key] for key in shared]), sign, tested_share)
    return _independent(np.array(list(one.values())), np.array(list(other.values())), sign)


def _paired(differences: Array, sign: int, tested_share: float) -> _Difference:
    count = len(differences)
    variance, mean = inference.redrawn(differences, tested_share), float(differences.mean())
    won = (np.sign(sign * differences) + 1) / 2
    taken = drawn_weights(count, DRAWINGS, np.random.default_rng(0))
    return _Difference(
        paired=True,
        runs=(count, count),
        mean=mean,
        error=variance.error,
        freedom=float(variance.freedom(count)),
        p_value=max(inference.t_test(mean, variance), inference.sign_flip_test(differences)),
        least=2 / 2**count,
        wins=float(won.mean()),
        wins_high=float(np.quantile(taken @ won / count, (1 + LEVEL) / 2)),
    )


def _independent(one: Array, other: Array, sign: int) -> _Difference:
    # Shifted, so that equal values have a difference of exactly 0, whatever the numbers of runs.
    one, other = one - one[0], other - one[0]
    mean = float(one.mean() - other.mean())
    error, freedom = unpaired.welch(one, other)
    p_value = _t_test(mean, error, freedom)
    # A permutation test can only make a significant p-value larger, so that others need none.
    if p_value <= 1 - LEVEL and min(len(one), len(other)) < unpaired.MANY:
        p_value = max(p_value, unpaired.permutation_test(one, other))
    won = (np.sign(sign * (one[:, np.newaxis] - other)) + 1) / 2
    generator = np.random.default_rng(0)
    rows, columns = (drawn_weights(len(sample), DRAWINGS, generator) / len(sample) for sample in (one, other))
    return _Difference(
        paired=False,
        runs=(len(one), len(other)),
        mean=mean,
        error=error,
        freedom=freedom,
        p_value=p_value,
        least=unpaired.least_p_value(len(one), len(other)),
        wins=float(won.mean()),
        wins_high=float(np.quantile(np.einsum("di,di->d", rows @ won, columns), (1 + LEVEL) / 2)),
    )


def _t_test(mean: float, error: float, freedom: float) -> float:
    if not np.isfinite(error):
        return 1.0
    if error == 0:
        return 0.0 if mean else 1.0
    return float(2 * special.stdtr(freedom, -abs(mean) / error))


def _pair(first: str, second: str, difference: _Difference, adjusted: float, margin: float, pairs: int) -> GroupPair:
    known = np.isfinite(difference.error)
    equivalence, half = 0.0, np.nan
    if known:
        equivalence = float(inference.probability_within(difference.mean, difference.error, difference.freedom, margin))
        half = float(special.stdtrit(difference.freedom, (1 + LEVEL) / 2)) * difference.error
    return GroupPair(
        first=first,
        second=second,
        paired=difference.paired,
        runs=difference.runs,
        difference=difference.mean,
        low=difference.mean - half,
        high=difference.mean + half,
        p_value=difference.p_value,
        adjusted=adjusted,
        wins=difference.wins,
        equivalence=equivalence,
        verdict=_verdict(difference, adjusted, equivalence) if known else "open",
        decidable=bool(known and difference.least * pairs <= 1 - LEVEL + 1e-12),
    )


def _verdict(difference: _Difference, adjusted: float, equivalence: float) -> Verdict:
    # Two runs may have the same value by chance, so that their deviation is zero.
    if equivalence >= LEVEL and (min(difference.runs) > 2 or difference.error > 0 or difference.mean == 0):
        return "same"
    if adjusted > 1 - LEVEL:
        return "open"
    # A significant difference that shows in too few runs is "not meaningful" (Bouthillier et al. 2021).
    return "better" if difference.wins_high > verdicts.MEANINGFUL else "same"


def unbeaten(comparison: GroupComparison) -> list[str]:
    """The groups with a finite mean that no other group is better than, best mean first."""
    beaten = {pair.second for pair in comparison.pairs if pair.verdict == "better"}
    return [one.name for one in comparison.groups if np.isfinite(one.mean) and one.name not in beaten]


def least_runs(pairs: int, *, paired: bool) -> int:
    """The least number of runs per group with which a test can show a difference in one of this many pairs of groups.

    >>> least_runs(1, paired=True), least_runs(1, paired=False), least_runs(10, paired=False)
    (6, 4, 6)
    """
    if paired:
        return inference.fewest_replicates(pairs)
    return next(count for count in range(2, 101) if unpaired.least_p_value(count, count) * pairs <= 1 - LEVEL)
