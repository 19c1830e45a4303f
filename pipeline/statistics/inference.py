"""How sure a mean over replicates is, and what may be concluded from it.

Replicates are one sample, the groups of test images another. A further replicate makes the first part of a mean's
variance smaller, and leaves the second as it is.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import ceil, sqrt

import numpy as np
import numpy.typing as npt
from scipy import special

Array = npt.NDArray[np.float64]

EXACT = 15
"""Up to so many replicates all signs are tried, beyond them random ones."""
FLIPS = 20_000
POWER = 0.8
MOST = 1000
"""The largest number of replicates that is thought about."""


@dataclass(frozen=True)
class Variance:
    """The variance of a mean over replicates, in parts, each estimated with so many degrees of freedom.

    `own` is the variance of a single replicate's value, of which a mean has the more the fewer replicates there are;
    `shared` is what all replicates have in common. `shared_freedom` is infinite where the shared part is derived from
    `own` and so is no estimate of its own.
    """

    own: float
    shared: float
    replicates: int
    shared_freedom: float

    def of_mean(self, replicates: npt.ArrayLike) -> Array:
        """The variance of a mean over this number of replicates."""
        return np.asarray(self.own / np.asarray(replicates, float) + self.shared)

    def freedom(self, replicates: npt.ArrayLike) -> Array:
        """Degrees of freedom of a mean over this number of replicates (Satterthwaite 1946).

        Hillis (2007) has the same without the part of the shared variance, which matters where groups are few.
        """
        own = self.own / np.asarray(replicates, float)
        squared = own**2 / np.maximum(np.asarray(replicates) - 1, 1) + self._estimated**2 / self.shared_freedom
        total = (own + self._estimated) ** 2
        freedom: Array = np.divide(total, squared, out=np.ones_like(own), where=squared > 0)
        return freedom

    @property
    def _estimated(self) -> float:
        return 0.0 if np.isinf(self.shared_freedom) else self.shared

    @property
    def error(self) -> float:
        """The standard error of the mean as it is."""
        return sqrt(self.of_mean(self.replicates))

    @property
    def quantile(self) -> float:
        """Of Student's t, by which the standard error is multiplied for an interval of 95 %."""
        return float(special.stdtrit(self.freedom(self.replicates), 0.975))


def crossed(values: Array, left_out: Array) -> Variance:
    """Where all replicates answer for the same groups of images.

    Obuchowski & Rockette (1995) with the covariance of the jackknife, as Hillis (2007) completes it; readers of medical
    images are there what replicates are here. For a mean over images it is the two-way analysis of variance with
    replicates and groups at random.

    Args:
        values: of each replicate, shape (replicates,).
        left_out: of each replicate without one group after the other, shape (replicates, groups).
    """
    replicates, groups = left_out.shape
    deviations = left_out - left_out.mean(axis=1, keepdims=True)
    covariance = (groups - 1) / groups * deviations @ deviations.T
    if replicates == 1:
        return Variance(0.0, float(covariance[0, 0]), 1, groups - 1)
    shared = (covariance.sum() - np.trace(covariance)) / (replicates * (replicates - 1))
    # Where a class is missing without one of the groups, nothing is known of the shared part: NaN stays NaN.
    return Variance(float(values.var(ddof=1)), float(np.maximum(0.0, shared)), replicates, groups - 1)


def redrawn(values: Array, tested_share: float) -> Variance:
    """Where replicates have test images of their own, drawn from the same images (Nadeau & Bengio 2003, section 3).

    Replicates that train and test on partly the same images are correlated, by about the share of the tested ones.

    Args:
        values: of each replicate, shape (replicates,).
        tested_share: number of test images over number of training images.
    """
    own = float(values.var(ddof=1)) if len(values) > 1 else np.nan
    return Variance(own, own * tested_share, len(values), np.inf)


def of_replicates(values: Array) -> Variance:
    """Where nothing but one value a replicate is known."""
    return redrawn(values, 0.0)


def t_test(mean: float, variance: Variance) -> float:
    """Two-sided probability of a mean so far from 0 if there were no difference."""
    if not np.isfinite(mean) or not np.isfinite(variance.error):
        return 1.0
    if variance.error == 0:
        return 0.0 if mean else 1.0
    return float(2 * special.stdtr(variance.freedom(variance.replicates), -abs(mean) / variance.error))


def sign_flip_test(differences: Array) -> float:
    """Two-sided probability of a sum so large if each difference had either sign equally often (Fisher 1935, § 21).

    Nothing is assumed of the differences but symmetry; with n of them it is never below 2 / 2ⁿ.

    >>> sign_flip_test(np.array([0.1, 0.3, 0.2]))
    0.25
    """
    count = len(differences)
    if not count or not np.isfinite(differences).all():
        return 1.0
    # What adding in another order leaves must not make a tie a win.
    threshold = abs(differences.sum()) - 1e-12 * np.abs(differences).sum()
    as_large = np.abs(_signs(count) @ differences) >= threshold
    # All signs hold those that were seen, random ones need not.
    return float(as_large.mean() if count <= EXACT else (1 + as_large.sum()) / (1 + FLIPS))


@lru_cache(maxsize=4)
def _signs(count: int) -> Array:
    """All signs of so many differences but for the mirrored half, or, of more than `EXACT`, `FLIPS` random ones."""
    if count > EXACT:
        flipped = np.random.default_rng(0).integers(2, size=(FLIPS, count))
    else:
        flipped = np.arange(2 ** (count - 1))[:, np.newaxis] >> np.arange(count) & 1
    return 1.0 - 2.0 * flipped.astype(np.float64)


def fewest_replicates(pairs: int, *, level: float = 0.05) -> int:
    """Replicates below which the sign-flip test cannot reach the level, shared among this number of pairs.

    >>> fewest_replicates(1), fewest_replicates(10)
    (6, 9)
    """
    return max(2, ceil(np.log2(2 * max(1, pairs) / level))) if pairs else 2


def probability_within(mean: float | Array, error: float | Array, freedom: float | Array, margin: float) -> Array:
    """Of a difference within ± the margin, under Student's t around the mean (Benavoli et al. 2017, section 4.1)."""
    far, known = np.abs(mean), np.asarray(error) > 0
    scale = np.where(known, error, 1.0)
    within = special.stdtr(freedom, (margin - far) / scale) - special.stdtr(freedom, (-margin - far) / scale)
    return np.where(known, within, np.where(far <= margin, 1.0, 0.0))


def needed_replicates(
    mean: float, variance: Variance, *, margin: float, pairs: int, level: float = 0.05, sure: float = 0.95
) -> int | None:
    """The smallest number of replicates, more than there are, that would tell two models apart or call them the same.

    A guess: mean and variance are taken as they were seen, and the mean of the further replicates to be so much less
    favourable that it is better in four of five cases (`POWER`). None where no number up to `MOST` does: then the
    groups of test images are too few. Of one replicate no more is known than how many a test needs at least.
    """
    fewest = fewest_replicates(pairs, level=level)
    if variance.replicates < 2:
        return fewest
    if not np.isfinite(mean) or not np.isfinite(variance.error):
        return None
    counts = np.arange(variance.replicates + 1, MOST + 1)
    errors, freedom = np.sqrt(variance.of_mean(counts)), variance.freedom(counts)
    unfavourable = special.ndtri(POWER) * errors
    threshold = special.stdtrit(freedom, 1 - level / 2 / max(1, pairs)) * errors
    told_apart = (counts >= fewest) & (abs(mean) - unfavourable > threshold)
    same = probability_within(abs(mean) + unfavourable, errors, freedom, margin) >= sure
    enough = np.flatnonzero(told_apart | same)
    return int(counts[enough[0]]) if len(enough) else None


def noether_size(wins: float, *, level: float = 0.05, power: float = 0.95) -> int:
    """Replicates that show P(A > B) = `wins` to exceed one half, one-sided (Noether 1987; Bouthillier et al. 2021).

    >>> noether_size(0.75)
    29
    """
    quantiles = float(special.ndtri(1 - level) + special.ndtri(power))
    return ceil((quantiles / (sqrt(6) * (wins - 0.5))) ** 2)
