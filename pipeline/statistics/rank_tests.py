"""Rank models over several data sets (Demšar 2006, section 3.2).

Scores on different data sets are not comparable, but the ranks of the models on each data set are.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import factorial, sqrt

import numpy as np
from scipy import stats

from pipeline.evaluation.metrics import LOWER_IS_BETTER


@dataclass(frozen=True)
class Ranking:
    """Mean ranks of models over data sets, and whether they differ.

    Attributes:
        models: best mean rank first.
        data: names of the data sets.
        ranks: mean ranks in the order of `models`; 1 is the best rank.
        statistic: F of Iman & Davenport.
        p_value: probability of such an F, or a larger one, if all models were equal.
        critical_difference: models whose mean ranks differ by less are not significantly different (Nemenyi).
        ties: the largest sets of such models; one set of all models if F is not significant.
    """

    models: tuple[str, ...]
    data: tuple[str, ...]
    ranks: tuple[float, ...]
    statistic: float
    p_value: float
    critical_difference: float
    ties: tuple[tuple[str, ...], ...]


def ranking(metric: str, scores: Mapping[str, Mapping[str, float]], *, level: float = 0.05) -> Ranking:
    """Rank models by their mean scores `scores[data][model]`; equal scores share the mean of their ranks.

    Raises:
        ValueError: fewer than two data sets or models, or a model without a score on one of the data sets.
    """
    models = tuple(dict.fromkeys(model for ones in scores.values() for model in ones))
    if len(scores) < 2 or len(models) < 2 or any(set(ones) != set(models) for ones in scores.values()):
        received = "; ".join(f"{data}: {', '.join(ones)}" for data, ones in scores.items())
        raise ValueError(
            "Ranking needs at least two models, each evaluated on the same two or more data sets. "
            f"Received {received or 'no scores'}."
        )
    sign = 1 if metric in LOWER_IS_BETTER else -1
    values = sign * np.array([[ones[model] for model in models] for ones in scores.values()])
    ranks = stats.rankdata(values, axis=1).mean(axis=0)
    statistic, p_value = _iman_davenport(values)
    difference = critical_difference(len(models), len(scores), level=level)
    order = np.argsort(ranks, kind="stable")
    names, means = [models[index] for index in order], ranks[order]
    return Ranking(
        models=tuple(names),
        data=tuple(scores),
        ranks=tuple(means.tolist()),
        statistic=statistic,
        p_value=p_value,
        critical_difference=difference,
        ties=_ties(names, means, difference) if p_value <= level else (tuple(names),),
    )


def critical_difference(models: int, data: int, *, level: float = 0.05) -> float:
    """The smallest significant difference of two mean ranks over this number of data sets (Nemenyi 1963).

    Not from scikit-posthocs: it has p-values but no critical difference, and importing it takes 0.5 s.

    >>> round(critical_difference(4, 14, level=0.1), 2)
    1.12
    """
    quantile = stats.studentized_range.ppf(1 - level, models, np.inf) / sqrt(2)
    return float(quantile * sqrt(models * (models + 1) / (6 * data)))


def _iman_davenport(values: np.ndarray) -> tuple[float, float]:
    """F of Iman & Davenport (1980) and its p-value; F is less conservative than Friedman's χ², its basis.

    For two models, the p-value is at least that of the sign test, which is exact.
    """
    data, models = values.shape
    ranks = stats.rankdata(values, axis=1)
    if (ranks == ranks[:, :1]).all():
        return 0.0, 1.0
    # The same as SciPy's Friedman test with its correction for ties, which does not accept two models.
    between = data * ((ranks.mean(axis=0) - (models + 1) / 2) ** 2).sum()
    chi_squared = between * data * (models - 1) / ((ranks - (models + 1) / 2) ** 2).sum()
    rest = data * (models - 1) - chi_squared
    # With few data sets the F distribution is too optimistic: no order of ranks is rarer than perfect agreement.
    rarest = float(factorial(models)) ** (1 - data)
    if models == 2:
        first, second = (int((ranks[:, place] == 1).sum()) for place in (0, 1))
        rarest = float(stats.binomtest(first, first + second).pvalue)
    if rest <= 1e-9:
        return float("inf"), rarest
    statistic = (data - 1) * chi_squared / rest
    p_value = float(stats.f.sf(statistic, models - 1, (models - 1) * (data - 1)))
    return float(statistic), max(p_value, rarest)


def _ties(models: list[str], ranks: np.ndarray, difference: float) -> tuple[tuple[str, ...], ...]:
    ends = [int(np.searchsorted(ranks, rank + difference, side="left")) for rank in ranks]
    # A set that ends where the previous one ends is a subset of it.
    return tuple(tuple(models[start:end]) for start, end in enumerate(ends) if start == 0 or end > ends[start - 1])
