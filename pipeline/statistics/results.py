"""The results of the statistical analysis of a comparison, as plain data."""

from dataclasses import dataclass
from math import nan
from typing import Literal

LEVEL = 0.95
"""Confidence level of intervals; tests use the significance level 1 − `LEVEL`."""


def level_of_one_look(looks: int) -> float:
    """The confidence level of each of several looks, so that all of them together hold at `LEVEL` (Bonferroni).

    >>> round(level_of_one_look(5), 3)
    0.99
    """
    return 1 - (1 - LEVEL) / looks


Verdict = Literal["better", "same", "open"]
Design = Literal["crossed", "folds", "redrawn", "replicates"]


@dataclass(frozen=True)
class Estimate:
    """A model's score: mean and sample standard deviation over replicates, and the interval of the mean.

    The deviation of a single replicate is NaN, and so are an error and the ends of an interval that cannot be
    estimated.

    Attributes:
        model: name of the model.
        mean: mean over its replicates.
        deviation: sample standard deviation over its replicates.
        low: lower end of the interval of the mean.
        high: upper end of the interval of the mean.
        error: standard error of the mean.
        replicates: number of replicates that the mean is taken over.
    """

    model: str
    mean: float
    deviation: float
    low: float
    high: float
    error: float = nan
    replicates: int = 0


@dataclass(frozen=True)
class Pair:
    """The comparison of two models, `first` being the one with the better mean of the replicates that both have.

    Attributes:
        first: name of the model with the better mean of these replicates.
        second: name of the other model.
        difference: mean of first − second in units of the metric, so negative if lower is better.
        low: lower end of the difference's interval.
        high: upper end of the difference's interval.
        p_value: two-sided, of the hypothesis that the difference is zero.
        adjusted: `p_value` after Holm's correction for all pairs.
        wins: P(first > second), the share of replicates in which first is better; ties count half.
        wins_low: lower end of the interval of `wins`.
        wins_high: upper end of the interval of `wins`.
        equivalence: probability that the difference lies within ± the margin.
        verdict: `better`, `same` or `open`.
        needed: estimated number of replicates for a verdict; None if there is a verdict or no number would suffice.
        error: standard error of the difference; NaN if it cannot be estimated.
        replicates: number of replicates that both models have; only these are compared.
    """

    first: str
    second: str
    difference: float
    low: float
    high: float
    p_value: float
    adjusted: float
    wins: float
    wins_low: float
    wins_high: float
    equivalence: float
    verdict: Verdict
    needed: int | None
    error: float = nan
    replicates: int = 0


@dataclass(frozen=True)
class Certainty:
    """The analysis of all models of a comparison by one metric.

    Attributes:
        metric: name of the metric.
        margin: differences up to it are practically zero, in units of the metric.
        design: what was resampled: `crossed`, replicates and the groups of a shared test set; `folds`, repetitions of
            k-fold cross-validation and the groups, each of which is tested once per repetition; `redrawn`, replicates
            that each have their own test set; `replicates`, replicates only, because single images are unknown.
        replicates: smallest number of analysed replicates of a model; `Estimate` has the number of each model.
        images: number of test images, 0 if unknown.
        groups: number of groups of test images, 0 if unknown.
        fewest: smallest number of replicates with which a test can call a pair different.
        estimates: one per model, best mean first.
        pairs: one per pair of models.
        ties: the largest sets of models in which none is better than another, best mean first; without models whose
            mean is not finite.
        looks: planned number of analyses of the growing comparison. Intervals and verdicts are those of one look at
            `level`, so that those of all looks together hold at `LEVEL`.
        skipped: number of test sets without which the metric is computed, because they lack a class.
        fewest_groups: smallest number of groups with which a test can call a pair different; 0 for any number.
    """

    metric: str
    margin: float
    design: Design
    replicates: int
    images: int
    groups: int
    fewest: int
    estimates: tuple[Estimate, ...]
    pairs: tuple[Pair, ...]
    ties: tuple[tuple[str, ...], ...]
    looks: int = 1
    skipped: int = 0
    fewest_groups: int = 0

    @property
    def level(self) -> float:
        """The confidence level of this look."""
        return level_of_one_look(self.looks)

    @property
    def lacks_groups(self) -> bool:
        """Whether there are too few groups to call a pair different, with any number of replicates."""
        return self.groups < self.fewest_groups

    def pair(self, one: str, other: str) -> Pair:
        """The pair of these two models, in either order."""
        return next(pair for pair in self.pairs if {pair.first, pair.second} == {one, other})

    @property
    def unbeaten(self) -> tuple[str, ...]:
        """The models that no other model is better than, best mean first.

        If every model is beaten, all are returned: pairs with different numbers of replicates can form a circle.
        """
        beaten = {pair.second for pair in self.pairs if pair.verdict == "better"}
        models = tuple(estimate.model for estimate in self.estimates)
        return tuple(model for model in models if model not in beaten) or models
