"""From resampled scores to intervals, tests and a verdict for every pair of models."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from math import ceil

import networkx
import numpy as np
import numpy.typing as npt
from scipy import special

from pipeline.evaluation.metrics import Metric, metric_named
from pipeline.statistics.designs import Method
from pipeline.statistics.inference import MOST, Variance, needed_replicates, probability_within, t_test
from pipeline.statistics.multiple_tests import holm
from pipeline.statistics.resampling import Resampled, weighted_mean
from pipeline.statistics.results import LEVEL, Certainty, Estimate, Pair, Verdict, level_of_one_look

Array = npt.NDArray[np.float64]

MEANINGFUL = 0.75
"""P(first > second) above which a difference is meaningful (Bouthillier et al. 2021)."""


def conclude(
    metric: str,
    models: Sequence[str],
    resampled: Resampled,
    method: Method,
    *,
    margin: float,
    images: int,
    groups: int,
    looks: int = 1,
    skipped: int = 0,
) -> Certainty:
    """Estimate the models' scores and compare all pairs of them.

    Args:
        metric: name of the metric.
        models: names, in the order of the resampled scores.
        resampled: scores of the sample, the jackknife and the bootstrap.
        method: the analysis of the comparison's design.
        margin: differences up to it are practically zero.
        images: number of test images.
        groups: number of their groups.
        looks: planned number of analyses.
        skipped: number of test sets that the resampled scores do not include.
    """
    properties = metric_named(metric)
    sign, level = -1 if properties.lower_is_better else 1, level_of_one_look(looks)
    means = [float(scores[:count].sum()) / max(1, count) for scores, count in _values(resampled)]
    # Comparisons with NaN are always false, so undefined means are sorted by a separate key.
    order = sorted(range(len(models)), key=lambda index: (not np.isfinite(means[index]), -sign * means[index]))
    differences = [
        _Difference(resampled, first, second, sign, method, level) for first, second in combinations(order, 2)
    ]
    adjusted = holm([pair.p_value for pair in differences])
    fewest = method.fewest(len(differences), level=1 - level)
    fewest_groups = method.fewest_groups(len(differences), level=1 - level)
    pairs = tuple(
        _pair(
            models,
            pair,
            float(corrected),
            margin=margin,
            count=len(differences),
            fewest=fewest,
            decidable=groups >= fewest_groups,
        )
        for pair, corrected in zip(differences, adjusted, strict=True)
    )
    estimates = tuple(_estimate(properties, models[index], resampled, index, method, level) for index in order)
    return Certainty(
        metric=metric,
        margin=margin,
        design=method.design,
        replicates=min(resampled.replicates, default=0),
        images=images,
        groups=groups,
        fewest=fewest,
        fewest_groups=fewest_groups,
        estimates=estimates,
        pairs=pairs,
        ties=_ties([one.model for one in estimates if np.isfinite(one.mean)], pairs),
        looks=looks,
        skipped=skipped,
    )


def _values(resampled: Resampled) -> Iterator[tuple[Array, int]]:
    return zip(resampled.scores, resampled.replicates, strict=True)


def interval(mean: float, variance: Variance, metric: Metric, *, level: float = LEVEL) -> tuple[float, float]:
    """The ends of Student's interval of a mean, computed on a scale that keeps them within the metric's bounds.

    Scores are transformed to log odds between their bounds, as Zhou, Obuchowski & McClish (2011, section 4.1) recommend
    for areas under ROC curves; errors to logarithms above their lower bound. Percentiles of the bootstrap would be too
    narrow for few replicates and groups: reports/certainty shows how often both contain the true mean.
    """
    half = variance.quantile(level) * variance.error
    if not np.isfinite(half):
        return np.nan, np.nan
    lowest, highest = metric.bounds
    if mean <= lowest or mean >= highest:
        return max(lowest, mean - half), min(highest, mean + half)
    above = mean - lowest
    if metric.lower_is_better:
        ratio = half / above
        return float(lowest + above * np.exp(-ratio)), float(min(highest, lowest + above * np.exp(ratio)))
    width = highest - lowest
    share = above / width
    odds, half = special.logit(share), half / width / (share * (1 - share))
    return float(lowest + width * special.expit(odds - half)), float(lowest + width * special.expit(odds + half))


class _Difference:
    """The difference of two models: its mean, variance and p-value, before any correction for other pairs."""

    def __init__(self, resampled: Resampled, first: int, second: int, sign: int, method: Method, level: float) -> None:
        """`sign` is −1 if lower is better; `level` is that of intervals; `first` has the better mean of its own."""
        self.replicates = count = min(resampled.replicates[first], resampled.replicates[second])
        # The model with the better mean may be the worse one in the replicates that both have.
        if resampled.replicates[first] != resampled.replicates[second] and (
            sign * (resampled.scores[first, :count] - resampled.scores[second, :count]).sum() < 0
        ):
            first, second = second, first
        self.first, self.second, self.method, self.level = first, second, method, level
        differences = resampled.scores[first, :count] - resampled.scores[second, :count]
        left_out = resampled.left_out[first, :count] - resampled.left_out[second, :count]
        self.differ = bool(np.any(left_out) or np.any(differences))
        self.mean = float(differences.mean()) if count and np.isfinite(differences).all() else np.nan
        self.variance = method.variance(differences, left_out)
        self.p_value = max(t_test(self.mean, self.variance), method.robust_test(differences, left_out))
        self.wins = float(_wins(sign * differences).mean()) if count else np.nan
        drawn = sign * (resampled.drawn[first, :count] - resampled.drawn[second, :count])
        drawn = weighted_mean(_wins(drawn), resampled.taken[:, :count])
        drawn = drawn[np.isfinite(drawn)]
        low, high = np.quantile(drawn, ((1 - level) / 2, (1 + level) / 2)) if len(drawn) else (0.0, 1.0)
        self.wins_low, self.wins_high = float(low), float(high)


def _wins(differences: Array) -> Array:
    return np.where(np.isfinite(differences), (np.sign(differences) + 1) / 2, np.nan)


def _pair(
    models: Sequence[str],
    difference: _Difference,
    adjusted: float,
    *,
    margin: float,
    count: int,
    fewest: int,
    decidable: bool,
) -> Pair:
    variance, mean, level = difference.variance, difference.mean, difference.level
    known = np.isfinite(mean) and np.isfinite(variance.error)
    equivalence, half = 0.0, np.nan
    if known:
        equivalence = float(probability_within(mean, variance.error, variance.freedom(variance.replicates), margin))
        half = variance.quantile(level) * variance.error
    verdict = _verdict(difference, adjusted, equivalence)
    needed = None
    if verdict == "open":
        needed = _needed(difference, margin=margin, pairs=count, fewest=fewest, decidable=decidable)
    return Pair(
        first=models[difference.first],
        second=models[difference.second],
        difference=mean,
        low=mean - half,
        high=mean + half,
        p_value=difference.p_value,
        adjusted=adjusted,
        wins=difference.wins,
        wins_low=difference.wins_low,
        wins_high=difference.wins_high,
        equivalence=equivalence,
        verdict=verdict,
        needed=needed,
        error=variance.error,
        replicates=difference.replicates,
    )


def _needed(difference: _Difference, *, margin: float, pairs: int, fewest: int, decidable: bool) -> int | None:
    """The estimated number of replicates for a verdict, in complete repetitions; arguments as `needed_replicates`."""
    step, unit = difference.method.step, difference.method.repetition or 1
    needed = needed_replicates(
        difference.mean,
        difference.variance,
        margin=margin,
        pairs=pairs,
        level=1 - difference.level,
        sure=difference.level,
        fewest=ceil(fewest / step),
        most=MOST // step,
        decidable=decidable,
    )
    return ceil(needed * step / unit) * unit if needed else None


def _verdict(difference: _Difference, adjusted: float, equivalence: float) -> Verdict:
    if difference.replicates < 2 or not np.isfinite(difference.mean):
        return "open"
    # The differences of two replicates may be equal by chance, so that their deviation is zero.
    if equivalence >= difference.level and (
        difference.replicates > 2 or difference.variance.error > 0 or not difference.differ
    ):
        return "same"
    if adjusted > 1 - difference.level:
        return "open"
    # A significant difference that shows in too few replicates is "not meaningful" (Bouthillier et al. 2021).
    return "better" if difference.wins_high > MEANINGFUL else "same"


def _estimate(metric: Metric, model: str, resampled: Resampled, index: int, method: Method, level: float) -> Estimate:
    count = resampled.replicates[index]
    scores = resampled.scores[index, :count]
    mean = float(scores.mean()) if count else np.nan
    variance = method.variance(scores, resampled.left_out[index, :count])
    low, high = interval(mean, variance, metric, level=level)
    deviation = float(scores.std(ddof=1)) if count > 1 else np.nan
    return Estimate(model, mean, deviation, low, high, error=variance.error, replicates=count)


def _ties(models: Sequence[str], pairs: Sequence[Pair]) -> tuple[tuple[str, ...], ...]:
    graph = networkx.Graph()
    graph.add_nodes_from(models)
    graph.add_edges_from((pair.first, pair.second) for pair in pairs if pair.verdict != "better")
    graph = graph.subgraph(models)
    places = {model: place for place, model in enumerate(models)}
    cliques = [tuple(sorted(clique, key=places.__getitem__)) for clique in networkx.find_cliques(graph)]
    return tuple(sorted(cliques, key=lambda clique: [places[model] for model in clique]))
