"""From resampled scores to words: intervals, tests, and what may be said of every pair of models."""

from collections.abc import Callable, Sequence
from itertools import combinations

import networkx
import numpy as np
import numpy.typing as npt
from scipy import special
from statsmodels.stats.multitest import multipletests

from pipeline.evaluation.metrics import LOWER_IS_BETTER
from pipeline.statistics.inference import (
    Variance,
    fewest_replicates,
    needed_replicates,
    probability_within,
    sign_flip_test,
    t_test,
)
from pipeline.statistics.resampling import Resampled, weighted_mean
from pipeline.statistics.values import LEVEL, Certainty, Design, Estimate, Pair, Verdict

Array = npt.NDArray[np.float64]
VarianceOf = Callable[[Array, Array], Variance]

MEANINGFUL = 0.75
"""P(first > second) that a verdict asks for (Bouthillier et al. 2021)."""
ENDS = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)


def judged(
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
    """Estimates, pairs and ties of these models.

    Args:
        metric: says whether high or low is better.
        models: names, in the order of the resampled scores.
        resampled: what resampling gave.
        variance: of a mean, from the values of replicates (replicates,) and those values with each group left out
            (replicates, groups).
        margin: differences up to it do not matter in practice.
        design: what was resampled.
        images: how many test images.
        groups: how many groups they form.
    """
    sign = -1 if metric in LOWER_IS_BETTER else 1
    replicates = resampled.scores.shape[1]
    means = resampled.scores.sum(axis=1) / max(1, replicates)
    # NaN compares false with everything: told apart first, it cannot disturb the order of the others.
    order = sorted(range(len(models)), key=lambda index: (not np.isfinite(means[index]), -sign * means[index]))
    compared = [_Compared(resampled, first, second, sign, variance) for first, second in combinations(order, 2)]
    p_values = [pair.p_value for pair in compared]
    adjusted = multipletests(p_values, alpha=1 - LEVEL, method="holm")[1] if len(p_values) > 1 else p_values
    pairs = tuple(
        _pair(models, pair, float(corrected), margin=margin, count=len(compared))
        for pair, corrected in zip(compared, adjusted, strict=True)
    )
    return Certainty(
        metric=metric,
        margin=margin,
        design=design,
        replicates=replicates,
        images=images,
        groups=groups,
        fewest=fewest_replicates(len(compared), level=1 - LEVEL),
        estimates=tuple(_estimate(metric, models[index], resampled, index, variance) for index in order),
        pairs=pairs,
        ties=_ties([models[index] for index in order], pairs),
    )


def interval(mean: float, variance: Variance, *, bounded: bool) -> tuple[float, float]:
    """Ends of Student's interval of a mean, on a scale that the metric's bounds do not cut off.

    Scores between 0 and 1 (`bounded`) are taken as log odds, as Zhou, Obuchowski & McClish (2011, section 4.1) advise
    for areas under ROC curves, errors as logarithms; then back. The percentiles of the bootstrap are too narrow for few
    replicates and groups: reports/certainty counts how often both hold the true mean.
    """
    half = variance.quantile * variance.error
    if not np.isfinite(half):
        return np.nan, np.nan
    if mean <= 0 or (bounded and mean >= 1):
        return max(0.0, mean - half), min(1.0, mean + half) if bounded else mean + half
    if bounded:
        odds, half = special.logit(mean), half / (mean * (1 - mean))
        return float(special.expit(odds - half)), float(special.expit(odds + half))
    return float(mean * np.exp(-half / mean)), float(mean * np.exp(half / mean))


class _Compared:
    """Two models: the differences of their replicates, and what follows from them without regard to other pairs."""

    def __init__(self, resampled: Resampled, first: int, second: int, sign: int, variance: VarianceOf) -> None:
        """`sign` is −1 where low is better."""
        self.first, self.second = first, second
        differences = resampled.scores[first] - resampled.scores[second]
        self.replicates = len(differences)
        self.differ = bool(np.any(resampled.left_out[first] != resampled.left_out[second]) or np.any(differences))
        self.difference = float(differences.mean()) if np.isfinite(differences).all() else np.nan
        self.variance = variance(differences, resampled.left_out[first] - resampled.left_out[second])
        self.p_value = max(t_test(self.difference, self.variance), sign_flip_test(differences))
        self.wins = float(_wins(sign * differences).mean())
        drawn = weighted_mean(_wins(sign * (resampled.drawn[first] - resampled.drawn[second])), resampled.taken)
        drawn = drawn[np.isfinite(drawn)]
        low, high = np.quantile(drawn, ENDS) if len(drawn) else (0.0, 1.0)
        self.wins_low, self.wins_high = float(low), float(high)


def _wins(differences: Array) -> Array:
    return np.where(np.isfinite(differences), (np.sign(differences) + 1) / 2, np.nan)


def _pair(models: Sequence[str], compared: _Compared, adjusted: float, *, margin: float, count: int) -> Pair:
    variance, mean = compared.variance, compared.difference
    known = np.isfinite(mean) and np.isfinite(variance.error)
    equivalence, half = 0.0, np.nan
    if known:
        freedom = variance.freedom(compared.replicates)
        equivalence = float(probability_within(mean, variance.error, freedom, margin))
        half = variance.quantile * variance.error
    verdict = _verdict(compared, adjusted, equivalence)
    return Pair(
        first=models[compared.first],
        second=models[compared.second],
        difference=mean,
        low=mean - half,
        high=mean + half,
        p_value=compared.p_value,
        adjusted=adjusted,
        wins=compared.wins,
        wins_low=compared.wins_low,
        wins_high=compared.wins_high,
        equivalence=equivalence,
        verdict=verdict,
        needed=needed_replicates(mean, variance, margin=margin, pairs=count) if verdict == "open" else None,
    )


def _verdict(compared: _Compared, adjusted: float, equivalence: float) -> Verdict:
    if compared.replicates < 2 or not np.isfinite(compared.difference):
        return "open"
    # Of two replicates differences may be equal by chance, and then seem to have no spread at all.
    if equivalence >= LEVEL and (compared.replicates > 2 or compared.variance.error > 0 or not compared.differ):
        return "same"
    if adjusted > 1 - LEVEL:
        return "open"
    # A difference that shows in too few replicates is no reason to choose: Bouthillier's "not meaningful".
    return "better" if compared.wins_high > MEANINGFUL else "same"


def _estimate(metric: str, model: str, resampled: Resampled, index: int, variance: VarianceOf) -> Estimate:
    scores = resampled.scores[index]
    mean = float(scores.mean())
    low, high = interval(mean, variance(scores, resampled.left_out[index]), bounded=metric not in LOWER_IS_BETTER)
    deviation = float(scores.std(ddof=1)) if len(scores) > 1 else np.nan
    return Estimate(model, mean, deviation, low, high)


def _ties(models: Sequence[str], pairs: Sequence[Pair]) -> tuple[tuple[str, ...], ...]:
    graph = networkx.Graph()
    graph.add_nodes_from(models)
    graph.add_edges_from((pair.first, pair.second) for pair in pairs if pair.verdict != "better")
    places = {model: place for place, model in enumerate(models)}
    cliques = [tuple(sorted(clique, key=places.__getitem__)) for clique in networkx.find_cliques(graph)]
    return tuple(sorted(cliques, key=lambda clique: [places[model] for model in clique]))
