"""The variance of a mean over replicates, and tests based on it.

Replicates are one sample, the groups of test images another. More replicates reduce only the part of the variance that
comes from replicates.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import ceil, sqrt

import numpy as np
import numpy.typing as npt
from scipy import special

Array = npt.NDArray[np.float64]

EXACT = 15
"""The sign-flip test enumerates all signs of up to this many replicates, and draws random signs of more."""
FLIPS = 20_000
"""Random sets of signs."""
POWER = 0.8
"""Probability of reaching a verdict with the number of replicates that `needed_replicates` returns."""
MOST = 1000
"""Largest number of replicates that `needed_replicates` considers."""


@dataclass(frozen=True)
class Variance:
    """The parts of the variance of a mean over replicates, or over repetitions of cross-validation.

    Attributes:
        own: variance of a single replicate's value, without the shared part; a mean over n replicates has 1/n of it.
        shared: variance that all replicates have in common.
        replicates: number of replicates.
        shared_freedom: degrees of freedom of `shared`; infinite if `shared` is derived from `own`.
        own_freedom: degrees of freedom of `own` per replicate; None if n replicates have n − 1.
    """

    own: float
    shared: float
    replicates: int
    shared_freedom: float
    own_freedom: float | None = None

    def of_mean(self, replicates: npt.ArrayLike) -> Array:
        """The variance of a mean over this number of replicates."""
        return np.asarray(self.own / np.asarray(replicates, float) + self.shared)

    def freedom(self, replicates: npt.ArrayLike) -> Array:
        """Degrees of freedom of a mean over this number of replicates (Satterthwaite 1946).

        Hillis (2007) omits the uncertainty of the shared variance, which matters if there are few groups.
        """
        count = np.asarray(replicates, float)
        own = self.own / count
        freedom_of_own = np.maximum(count - 1, 1) if self.own_freedom is None else count * self.own_freedom
        squared = own**2 / freedom_of_own + self._estimated**2 / self.shared_freedom
        total = (own + self._estimated) ** 2
        freedom: Array = np.divide(total, squared, out=np.ones_like(own), where=squared > 0)
        return freedom

    @property
    def _estimated(self) -> float:
        return 0.0 if np.isinf(self.shared_freedom) else self.shared

    @property
    def error(self) -> float:
        """The standard error of the mean over `replicates`."""
        return sqrt(self.of_mean(self.replicates))

    def quantile(self, level: float = 0.95) -> float:
        """The quantile of Student's t that turns the standard error into half of an interval."""
        return float(special.stdtrit(self.freedom(self.replicates), (1 + level) / 2))


def crossed(values: Array, left_out: Array) -> Variance:
    """The variance if all replicates are tested on the same groups of images.

    Obuchowski & Rockette (1995) with jackknife covariances and the corrections of Hillis (2007); their readers of
    medical images correspond to replicates. For a mean over images this equals the two-way analysis of variance with
    random replicates and random groups.

    Args:
        values: one per replicate, shape (replicates,).
        left_out: the value of each replicate without each group, shape (replicates, groups).
    """
    replicates, groups = left_out.shape
    if not replicates:
        return Variance(np.nan, np.nan, 0, np.inf)
    deviations = left_out - left_out.mean(axis=1, keepdims=True)
    covariance = (groups - 1) / groups * deviations @ deviations.T
    if replicates == 1:
        return Variance(0.0, float(covariance[0, 0]), 1, groups - 1)
    shared = (covariance.sum() - np.trace(covariance)) / (replicates * (replicates - 1))
    # A metric that is undefined without one of the groups makes the shared part unknown: `maximum` keeps NaN.
    return Variance(float(values.var(ddof=1)), float(np.maximum(0.0, shared)), replicates, groups - 1)


def redrawn(values: Array, tested_share: float) -> Variance:
    """The variance if each replicate draws its own test images from the same data (Nadeau & Bengio 2003, section 3).

    Such replicates are correlated because their training and test images overlap.

    Args:
        values: one per replicate, shape (replicates,).
        tested_share: number of test images over number of training images.
    """
    own = float(values.var(ddof=1)) if len(values) > 1 else np.nan
    return Variance(own, own * tested_share, len(values), np.inf)


def of_replicates(values: Array) -> Variance:
    """The variance if only one value per replicate is known; `values` is (replicates,)."""
    return redrawn(values, 0.0)


def interval_without_spread(share: float, groups: int, *, level: float = 0.95) -> tuple[float, float]:
    """The interval of a share that is 0 in every group of images, or 1 in every group (Clopper & Pearson 1934).

    Such groups have no spread from which a variance could be estimated. For groups of one image, it is the interval of
    the share of images. For larger groups of similar sizes, it is too wide rather than too narrow, because it is that
    of the share of groups: a group with an error also has images without one.

    >>> [round(end, 3) for end in interval_without_spread(1.0, 75)]
    [0.952, 1.0]

    Args:
        share: 0 or 1.
        groups: number of independent groups, at least 1.
        level: confidence level.
    """
    lowest = ((1 - level) / 2) ** (1 / groups)
    return (lowest, 1.0) if share == 1 else (0.0, 1 - lowest)


def t_test(mean: float, variance: Variance) -> float:
    """Two-sided p-value of Student's t test of the hypothesis that the true mean is zero.

    `variance` is that of the replicates whose mean is `mean`. The p-value is 1 if the mean or its error is not finite.
    """
    if not np.isfinite(mean) or not np.isfinite(variance.error):
        return 1.0
    if variance.error == 0:
        return 0.0 if mean else 1.0
    return float(2 * special.stdtr(variance.freedom(variance.replicates), -abs(mean) / variance.error))


def sign_flip_test(differences: Array) -> float:
    """Two-sided p-value of the hypothesis that differences are symmetric around zero (Fisher 1935, § 21).

    The smallest p-value of n differences is 2 / 2ⁿ. `scipy.stats.permutation_test` gives the same exact p-values, but
    takes 40 to 1500 times as long, and the study of false alarms tests thousands of times.

    >>> sign_flip_test(np.array([0.1, 0.3, 0.2]))
    0.25
    """
    count = len(differences)
    if not count or not np.isfinite(differences).all():
        return 1.0
    # Rounding errors of sums in another order must not break ties.
    threshold = abs(differences.sum()) - 1e-12 * np.abs(differences).sum()
    as_large = np.abs(_signs(count) @ differences) >= threshold
    # All signs include the observed ones; random signs may not, so the observed ones are added.
    return float(as_large.mean() if count <= EXACT else (1 + as_large.sum()) / (1 + FLIPS))


@lru_cache(maxsize=4)
def _signs(count: int) -> Array:
    """Sets of signs of `count` differences: all but their mirror images, or `FLIPS` random ones beyond `EXACT`."""
    if count > EXACT:
        flipped = np.random.default_rng(0).integers(2, size=(FLIPS, count))
    else:
        flipped = np.arange(2 ** (count - 1))[:, np.newaxis] >> np.arange(count) & 1
    return 1.0 - 2.0 * flipped.astype(np.float64)


def fewest_replicates(pairs: int, *, level: float = 0.05) -> int:
    """The smallest number of replicates with which the sign-flip test can reach the level, divided by the pairs.

    >>> fewest_replicates(1), fewest_replicates(10)
    (6, 9)
    """
    return max(2, ceil(np.log2(2 * max(1, pairs) / level))) if pairs else 2


def probability_within(mean: float | Array, error: float | Array, freedom: float | Array, margin: float) -> Array:
    """The probability of a difference within ± the margin (Benavoli et al. 2017, section 4.1).

    The difference follows Student's t around the mean with the standard error `error`.
    """
    far, known = np.abs(mean), np.asarray(error) > 0
    scale = np.where(known, error, 1.0)
    within = special.stdtr(freedom, (margin - far) / scale) - special.stdtr(freedom, (-margin - far) / scale)
    return np.where(known, within, np.where(far <= margin, 1.0, 0.0))


def needed_replicates(
    mean: float,
    variance: Variance,
    *,
    margin: float,
    pairs: int,
    level: float = 0.05,
    sure: float = 0.95,
    fewest: int | None = None,
    most: int = MOST,
    decidable: bool = True,
) -> int | None:
    """Estimate how many replicates would give a verdict: `better` or `same`.

    The estimate assumes that mean and variance stay as observed, and that the mean is less favourable by as much as
    gives a verdict with probability `POWER`. With a single replicate, whose parts of the variance cannot be
    separated, it is the smallest number that a test needs, at least 2.

    Args:
        mean: observed mean difference.
        variance: its variance.
        margin: differences up to it are practically zero.
        pairs: number of pairs of models that share the level.
        level: significance level.
        sure: probability of a difference within the margin at which models are called the same.
        fewest: smallest number of replicates that a test needs; that of the sign-flip test by default.
        most: largest number of replicates to consider.
        decidable: whether a test can call the models different; otherwise only the verdict `same` is possible.

    Returns:
        A number above the present one, or None if no number up to `most` suffices because there are too few groups of
        test images.
    """
    fewest = fewest_replicates(pairs, level=level) if fewest is None else fewest
    if variance.replicates < 2:
        return max(fewest, 2)
    if not np.isfinite(mean) or not np.isfinite(variance.error):
        return None
    counts = np.arange(variance.replicates + 1, most + 1)
    errors, freedom = np.sqrt(variance.of_mean(counts)), variance.freedom(counts)
    unfavourable = special.ndtri(POWER) * errors
    threshold = special.stdtrit(freedom, 1 - level / 2 / max(1, pairs)) * errors
    different = decidable & (counts >= fewest) & (abs(mean) - unfavourable > threshold)
    same = probability_within(abs(mean) + unfavourable, errors, freedom, margin) >= sure
    enough = np.flatnonzero(different | same)
    return int(counts[enough[0]]) if len(enough) else None
