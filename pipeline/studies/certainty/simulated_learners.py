"""Simulated comparisons of models that are really trained: ridge regressions on images in groups.

Every model sees a view of the images of its own: features that contain the class with equal strength, an effect of the
group and noise, part of which is common to all views. On one data set, one view is easier to learn than another; on
average over data sets, models of equal strength are equally good.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from pipeline.evaluation.predictions import Predictions
from pipeline.studies.certainty.simulated_comparisons import IMAGES, Array, SimulateComparison, predictions_of

FOLDS = 5
TESTED = 0.25
"""Share of the groups in a test set that is not a fold."""
VALIDATED = 0.15
"""Share of the groups that a training leaves out for validation; they differ from replicate to replicate."""
Groups = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Learners:
    """The data and the training.

    Attributes:
        features: number of features of a view.
        signal: distance of the classes from 0 in each feature; the standard deviation within a group is 1.
        group: standard deviation of the effects of groups.
        common: share of the variance of noise and group effects that is common to all views.
        start: standard deviation of the random weights from which a training starts and which it partly keeps.
        collapses: probability of a training that learns nothing.
        penalty: of the squared distance from the start.
        sizes: of the groups: `equal`, `unequal` (log-normal) or `one large` (one group has most images).
    """

    features: int = 10
    signal: float = 0.25
    group: float = 0.5
    common: float = 0.5
    start: float = 0.0
    collapses: float = 0.0
    penalty: float = 1.0
    sizes: Literal["equal", "unequal", "one large"] = "equal"


LEARNERS = {
    "few features": Learners(),
    "many features": Learners(features=40, signal=0.12, penalty=3.0),
    "random starts": Learners(group=0.8, common=0.7, start=1.0, penalty=10.0),
    "failed trainings": Learners(common=0.7, start=0.5, penalty=10.0, collapses=0.15),
    "unequal groups": Learners(sizes="unequal"),
    "one large group": Learners(sizes="one large"),
}


def folded(learners: Learners, strengths: Mapping[str, float], repetitions: int, groups: int) -> SimulateComparison:
    """Simulate repeated cross-validation of models whose signal is multiplied by their strength."""

    def tests(generator: np.random.Generator) -> Groups:
        dealt = [generator.permutation(groups) % FOLDS for _ in range(repetitions)]
        return np.array([one == fold for one in dealt for fold in range(FOLDS)])

    return lambda generator: _simulated(learners, strengths, groups, tests(generator), generator)


def locked(learners: Learners, strengths: Mapping[str, float], replicates: int, groups: int) -> SimulateComparison:
    """Simulate replicates that share one test set."""

    def tests(generator: np.random.Generator) -> Groups:
        return np.tile(generator.permutation(groups) < round(TESTED * groups), (replicates, 1))

    return lambda generator: _simulated(learners, strengths, groups, tests(generator), generator)


def resampled(learners: Learners, strengths: Mapping[str, float], replicates: int, groups: int) -> SimulateComparison:
    """Simulate replicates that each draw their own test set."""

    def tests(generator: np.random.Generator) -> Groups:
        return np.array([generator.permutation(groups) < round(TESTED * groups) for _ in range(replicates)])

    return lambda generator: _simulated(learners, strengths, groups, tests(generator), generator)


def _simulated(
    learners: Learners, strengths: Mapping[str, float], groups: int, tests: Groups, generator: np.random.Generator
) -> dict[str, list[Predictions]]:
    """Draw data, train every model for each row of `tests` (replicates, groups), and predict the tested groups."""
    sizes = _sizes(learners, groups, generator)
    group = np.repeat(np.arange(groups), sizes)
    # Both classes occur in every group, so that no fold lacks one.
    truth = np.concatenate([generator.permutation(size) % 2 for size in sizes])
    validated = np.array([generator.permutation(groups) < round(VALIDATED * groups) for _ in tests])
    validated[:, sizes.argmax()] = False
    trained = ~(tests | validated)
    common = _noise(learners, group, generator)
    tested = {}
    for name, strength in strengths.items():
        own = _noise(learners, group, generator)
        noise = np.sqrt(learners.common) * common + np.sqrt(1 - learners.common) * own
        side = (2.0 * truth - 1)[:, np.newaxis]
        inputs = np.column_stack([np.ones(len(truth)), learners.signal * strength * side + noise])
        logits = _trained(learners, inputs, side[:, 0], group, trained, generator)
        tested[name] = [
            predictions_of(np.flatnonzero(inside), group[inside], truth[inside], 4 * logit[inside], int(np.sum(seen)))
            for logit, inside, seen in zip(logits, tests[:, group], trained[:, group], strict=True)
        ]
    return tested


def _sizes(learners: Learners, groups: int, generator: np.random.Generator) -> npt.NDArray[np.int64]:
    sizes = np.full(groups, IMAGES)
    if learners.sizes == "unequal":
        sizes = np.maximum(2, np.round(IMAGES * np.exp(generator.normal(size=groups)))).astype(np.int64)
    elif learners.sizes == "one large":
        sizes[generator.integers(groups)] = 3 * IMAGES * (groups - 1) // 2
    return sizes


def _noise(learners: Learners, group: npt.NDArray[np.int64], generator: np.random.Generator) -> Array:
    of_groups = learners.group * generator.normal(size=(group.max() + 1, learners.features))
    noise: Array = of_groups[group] + generator.normal(size=(len(group), learners.features))
    return noise


def _trained(
    learners: Learners,
    inputs: Array,
    side: Array,
    group: npt.NDArray[np.int64],
    trained: Groups,
    generator: np.random.Generator,
) -> Array:
    """Fit one ridge regression per row of `trained` (replicates, groups); return logits (replicates, images)."""
    replicates, groups = trained.shape
    columns = inputs.shape[1]
    squares, products = np.zeros((groups, columns, columns)), np.zeros((groups, columns))
    np.add.at(squares, group, inputs[:, :, np.newaxis] * inputs[:, np.newaxis])
    np.add.at(products, group, inputs * side[:, np.newaxis])
    start = learners.start * generator.normal(size=(replicates, columns)) / np.sqrt(columns)
    seen = trained.astype(float)
    matrix = (seen @ squares.reshape(groups, -1)).reshape(replicates, columns, columns)
    right = seen @ products + learners.penalty * start
    weights = np.linalg.solve(matrix + learners.penalty * np.eye(columns), right[..., np.newaxis])[..., 0]
    logits: Array = weights @ inputs.T
    failed = np.flatnonzero(generator.random(replicates) < learners.collapses)
    logits[failed] = 0.1 * generator.normal(size=(len(failed), len(side)))
    return logits
