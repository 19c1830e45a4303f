"""From resampled scores to intervals, tests and a verdict for every pair of models."""

from collections.abc import Callable, Sequence
from itertools import combinations

import networkx
import numpy as np
import numpy.typing as npt
from scipy import special
from statsmodels.stats.multitest import multipletests

from pipeline.evaluation.metrics import Metric, metric_named
from pipeline.statistics.inference import (
    Variance,
    fewest_replicates,
    needed_replicates,
    probability_within,
    sign_flip_test,
    t_test,
)
from pipeline.statistics.resampling import Resampled, weighted_mean
from pipeline.statistics.results import LEVEL, Certainty, Design, Estimate, Pair, Verdict

Array = npt.NDArray[np.float64]
VarianceOf = Callable[[Array, Array], Variance]

MEANINGFUL = 0.75
"""P(first > second) above which a difference is meaningful (Bouthillier et al. 2021)."""
ENDS = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)


def conclude(
    metric: str,
    models: Sequence[str],
    resampled: Resampled,
    variance: VarianceOf,
    *,
    margin: float,
    design: Design,
    images: int,
    groups: int,
) -> Certainty:
    """Estimate the models' scores and compare all pairs of them.

    Args:
        metric: name of the metric.
        models: names, in the order of the resampled scores.
        resampled: scores of the sample, the jackknife and the bootstrap.
        variance: from values (replicates,) and the values without each group (replicates, groups) to the variance of
            the mean.
        margin: differences up to it are practically zero.
        design: what was resampled.
        images: number of test images.
        groups: number of their groups.
    """
    properties = metric_named(metric)
    sign = -1 if properties.lower_is_better else 1
    replicates = resampled.scores.shape[1]
    means = resampled.scores.sum(axis=1) / max(1, replicates)
    # Comparisons with NaN are always false, so undefined means are sorted by a separate key.
    order = sorted(range(len(models)), key=lambda index: (not np.isfinite(means[index]), -sign * means[index]))
    differences = [_Difference(resampled, first, second, sign, variance) for first, second in combinations(order, 2)]
    p_values = [pair.p_value for pair in differences]
    adjusted = multipletests(p_values, alpha=1 - LEVEL, method="holm")[1] if len(p_values) > 1 else p_values
    pairs = tuple(
        _pair(models, pair, float(corrected), margin=margin, count=len(differences))
        for pair, corrected in zip(differences, adjusted, strict=True)
    )
    return Certainty(
        metric=metric,
        margin=margin,
        design=design,
        replicates=replicates,
        images=images,
        groups=groups,
        fewest=fewest_replicates(len(differences), level=1 - LEVEL),
        estimates=tuple(_estimate(properties, models[index], resampled, index, variance) for index in order),
        pairs=pairs,
        ties=_ties([models[index] for index in order], pairs),
    )


def interval(mean: float, variance: Variance, metric: Metric) -> tuple[float, float]:
    """The ends of Student's interval of a mean, computed on a scale that keeps them within the metric's bounds.

    Scores are transformed to log odds between their bounds, as Zhou, Obuchowski & McClish (2011, section 4.1) recommend
    for areas under ROC curves; errors to logarithms above their lower bound. Percentiles of the bootstrap would be too
    narrow for few replicates and groups: reports/certainty shows how often both contain the true mean.
    """
    half = variance.quantile * variance.error
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

    def __init__(self, resampled: Resampled, first: int, second: int, sign: int, variance: VarianceOf) -> None:
        """`sign` is −1 if lower is better."""
        self.first, self.second = first, second
        differences = resampled.scores[first] - resampled.scores[second]
        self.replicates = len(differences)
        self.differ = bool(np.any(resampled.left_out[first] != resampled.left_out[second]) or np.any(differences))
        self.mean = float(differences.mean()) if np.isfinite(differences).all() else np.nan
        self.variance = variance(differences, resampled.left_out[first] - resampled.left_out[second])
        self.p_value = max(t_test(self.mean, self.variance), sign_flip_test(differences))
        self.wins = float(_wins(sign * differences).mean())
        drawn = weighted_mean(_wins(sign * (resampled.drawn[first] - resampled.drawn[second])), resampled.taken)
        drawn = drawn[np.isfinite(drawn)]
        low, high = np.quantile(drawn, ENDS) if len(drawn) else (0.0, 1.0)
        self.wins_low, self.wins_high = float(low), float(high)


def _wins(differences: Array) -> Array:
    return np.where(np.isfinite(differences), (np.sign(differences) + 1) / 2, np.nan)


def _pair(models: Sequence[str], difference: _Difference, adjusted: float, *, margin: float, count: int) -> Pair:
    variance, mean = difference.variance, difference.mean
    known = np.isfinite(mean) and np.isfinite(variance.error)
    equivalence, half = 0.0, np.nan
    if known:
        freedom = variance.freedom(difference.replicates)
        equivalence = float(probability_within(mean, variance.error, freedom, margin))
        half = variance.quantile * variance.error
    verdict = _verdict(difference, adjusted, equivalence)
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
        needed=needed_replicates(mean, variance, margin=margin, pairs=count) if verdict == "open" else None,
    )


def _verdict(difference: _Difference, adjusted: float, equivalence: float) -> Verdict:
    if difference.replicates < 2 or not np.isfinite(difference.mean):
        return "open"
    # The differences of two replicates may be equal by chance, so that their deviation is zero.
    if equivalence >= LEVEL and (difference.replicates > 2 or difference.variance.error > 0 or not difference.differ):
        return "same"
    if adjusted > 1 - LEVEL:
        return "open"
    # A significant difference that shows in too few replicates is "not meaningful" (Bouthillier et al. 2021).
    return "better" if difference.wins_high > MEANINGFUL else "same"


def _estimate(metric: Metric, model: str, resampled: Resampled, index: int, variance: VarianceOf) -> Estimate:
    scores = resampled.scores[index]
    mean = float(scores.mean())
    low, high = interval(mean, variance(scores, resampled.left_out[index]), metric)
    deviation = float(scores.std(ddof=1)) if len(scores) > 1 else np.nan
    return Estimate(model, mean, deviation, low, high)


def _ties(models: Sequence[str], pairs: Sequence[Pair]) -> tuple[tuple[str, ...], ...]:
    graph = networkx.Graph()
    graph.add_nodes_from(models)
    graph.add_edges_from((pair.first, pair.second) for pair in pairs if pair.verdict != "better")
    places = {model: place for place, model in enumerate(models)}
    cliques = [tuple(sorted(clique, key=places.__getitem__)) for clique in networkx.find_cliques(graph)]
    return tuple(sorted(cliques, key=lambda clique: [places[model] for model in clique]))
