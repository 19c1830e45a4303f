"""The difference of two independent samples of runs: Welch's t test and a permutation test."""

from math import comb, sqrt

import numpy as np
import numpy.typing as npt
from scipy import stats

Array = npt.NDArray[np.float64]

PERMUTATIONS = 9999
"""Random permutations if there are more distinct ones."""
MANY = 100
"""With so many runs in both samples the permutation test is skipped: means are normally distributed."""


def welch(one: Array, other: Array) -> tuple[float, float]:
    """The standard error of the difference of two means and its degrees of freedom (Welch 1947).

    NaN with fewer than two values in a sample. Neither sample has to have the variance of the other.
    """
    if min(len(one), len(other)) < 2:
        return np.nan, np.nan
    parts = np.array([sample.var(ddof=1) / len(sample) for sample in (one, other)])
    total = float(parts.sum())
    squared = sum(part**2 / (len(sample) - 1) for part, sample in zip(parts, (one, other), strict=True))
    return sqrt(total), float(total**2 / squared) if squared > 0 else float(len(one) + len(other) - 2)


def permutation_test(one: Array, other: Array) -> float:
    """Two-sided p-value of the hypothesis that both samples have the same distribution (Fisher 1935; Pitman 1937).

    >>> permutation_test(np.array([0.91, 0.92, 0.93, 0.94]), np.array([0.81, 0.82, 0.83, 0.84]))  # 2 of 70
    0.02857142857142857
    """
    result = stats.permutation_test(
        (one, other),
        lambda first, second, axis: first.mean(axis=axis) - second.mean(axis=axis),
        n_resamples=PERMUTATIONS,
        batch=1000,
        rng=0,
    )
    return float(result.pvalue)


def least_p_value(one: int, other: int) -> float:
    """The smallest p-value that the permutation test of samples of these sizes can have.

    >>> least_p_value(3, 3), least_p_value(4, 4)
    (0.1, 0.02857142857142857)
    """
    if min(one, other) >= MANY:
        return 0.0
    return max(2 / comb(one + other, one), 2 / (PERMUTATIONS + 1))
