"""The words of certainty: what was tested, and what may be said of a model, of a pair, of a whole comparison."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

LEVEL = 0.95
"""Of intervals; verdicts rest on the same risk, 5 %."""

Verdict = Literal["better", "same", "open"]
Design = Literal["crossed", "redrawn", "replicates"]


@dataclass(frozen=True)
class Tested:
    """What one replicate was asked and said.

    Which images (n,) in ascending order of their number; their groups (n,), where images without groups are each one of
    their own; truth (n,) and probabilities (n, classes). `trained_on` is how many images it was trained on.
    """

    images: npt.NDArray[np.int64]
    groups: npt.NDArray[np.int64]
    truth: npt.NDArray[np.int64]
    probabilities: npt.NDArray[np.float64]
    trained_on: int


@dataclass(frozen=True)
class Estimate:
    """A model's score: mean over replicates, sample standard deviation (NaN of one), and the interval of the mean.

    The interval's ends are NaN where nothing could be resampled.
    """

    model: str
    mean: float
    deviation: float
    low: float
    high: float


@dataclass(frozen=True)
class Pair:
    """Two models, `first` the one with the better mean.

    `difference` is the mean of first − second in the metric's own units (so below zero for an error), with its
    interval. `p_value` is two-sided, `adjusted` is Holm's over all pairs. `wins` is P(first > second): the share of
    replicates in which first is the better one, ties counting half, with its interval. `equivalence` is the
    probability that the difference lies within ± the margin. `needed` is how many replicates would probably give a
    verdict if what was seen so far holds; None where there is one, or where no number of replicates would do.
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


@dataclass(frozen=True)
class Certainty:
    """What can be said about the models of a comparison by one metric.

    `design` says what was resampled: `crossed`, replicates and the groups of the test set they share; `redrawn`,
    replicates that each have a test set of their own; `replicates`, where nothing is known of single images.
    `images` and `groups` count the test images and their groups, 0 where unknown. `fewest` is the number of replicates
    below which no test can call any of the pairs different. `ties` are the largest sets of models of which none is
    better than another, best mean first.
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

    def pair(self, one: str, other: str) -> Pair:
        """The pair of these two models, whichever is first."""
        return next(pair for pair in self.pairs if {pair.first, pair.second} == {one, other})

    @property
    def unbeaten(self) -> tuple[str, ...]:
        """The models than which no other is better, best mean first."""
        beaten = {pair.second for pair in self.pairs if pair.verdict == "better"}
        return tuple(estimate.model for estimate in self.estimates if estimate.model not in beaten)
