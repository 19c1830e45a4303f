"""The variance of a mean over repetitions of k-fold cross-validation, in which every group is tested once.

The score of a repetition is the mean of its folds' scores. Scores are not computed from the pooled predictions of all
folds, because networks of different folds are not calibrated to each other (Forman & Scholz 2010; Airola et al. 2011).
As in `inference.crossed`, the variance of a repetition has a part of its own and a part that all repetitions share,
because they test the same groups. Two facts are particular to folds:

- The folds of a repetition are nearly independent samples of trainings and of groups, so their differences estimate
  the whole variance of one repetition.
- The training sets of folds and repetitions overlap, which adds a covariance that cannot be estimated without bias
  (Bengio & Grandvalet 2004). `overlap_factor` accounts for it.
"""

import numpy as np
import numpy.typing as npt

from pipeline.statistics.inference import Variance

Array = npt.NDArray[np.float64]


def overlap_factor(folds: int, groups: int) -> float:
    """The factor of the shared variance that accounts for overlapping training sets.

    Nadeau & Bengio (2003) add 1 / (folds − 1), the ratio of test to training images. The simulations in
    reports/certainty need twice that ratio if networks depend strongly on their training images, and more if there are
    few groups.

    >>> round(overlap_factor(5, 40), 2), round(overlap_factor(5, 10), 2)
    (1.75, 2.5)
    """
    return 1 + 2 / (folds - 1) + 10 / groups


def variance(
    values: Array,
    left_out: Array,
    *,
    repetition: npt.NDArray[np.int64],
    tested: npt.NDArray[np.bool_],
    folds: int,
) -> Variance:
    """The variance of the mean over complete repetitions; NaN if no repetition has two values or two groups.

    The parts of a single repetition cannot be separated: all of its variance is its own, with the factor.

    Args:
        values: one per fold and repetition, shape (replicates,).
        left_out: each value without each group, shape (replicates, groups); NaN where it is undefined.
        repetition: number of each value's repetition, for at least these replicates.
        tested: whether a value depends on a group, for at least these replicates, shape (≥ replicates, groups).
        folds: number of folds of a repetition.
    """
    repetition, groups = repetition[: len(values)], left_out.shape[1]
    members = [values[repetition == one] for one in np.unique(repetition)]
    several = [ones for ones in members if len(ones) > 1]
    if not several or groups < 2:
        return Variance(np.nan, np.nan, max(1, len(members)), np.inf)
    of_folds = float(np.mean([ones.var(ddof=1) / len(ones) for ones in several]))
    freedom = sum(len(ones) - 1 for ones in several) / len(members)
    sums, weights = contributions(values, left_out, repetition, tested)
    deviations = sums - weights * sums.sum(axis=1, keepdims=True)
    covariance = groups / (groups - 1) * deviations @ deviations.T
    count, of_groups = len(members), float(np.trace(covariance)) / len(members)
    factor = overlap_factor(folds, groups)
    if of_groups > of_folds:
        freedom = (groups - 1) / count
    if count == 1:
        return Variance(factor * float(np.maximum(of_folds, of_groups)), 0.0, 1, np.inf, freedom)
    shared = np.maximum(0.0, (covariance.sum() - np.trace(covariance)) / (count * (count - 1)))
    own = np.maximum(0.0, np.maximum(of_folds, of_groups) - shared)
    return Variance(float(own), float(shared * factor), count, groups - 1, freedom)


def contributions(
    values: Array, left_out: Array, repetition: npt.NDArray[np.int64], tested: npt.NDArray[np.bool_]
) -> tuple[Array, Array]:
    """What each group contributes to the value of each repetition, and its weight; both (repetitions, groups).

    Contributions and weights of a repetition add up to its mean over folds and to 1. A group contributes its
    pseudo-value in its fold (Quenouille 1956). Where the fold has no value without the group, for example because no
    image of a class would be left, the fold's value takes the place of the pseudo-value.
    """
    count = len(values)
    repetition, inside = repetition[:count], tested[:count]
    number, fold = inside.sum(axis=1, keepdims=True), values[:, np.newaxis]
    with np.errstate(invalid="ignore"):
        pseudo = np.where(np.isfinite(left_out), number * fold - (number - 1) * left_out, fold)
    _, place, folds = np.unique(repetition, return_inverse=True, return_counts=True)
    weight = inside / np.maximum(1, number) / folds[place][:, np.newaxis]
    sums, weights = np.zeros((2, len(folds), left_out.shape[1]))
    np.add.at(sums, place, weight * pseudo)
    np.add.at(weights, place, weight)
    return sums, weights
