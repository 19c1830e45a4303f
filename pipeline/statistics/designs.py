"""How the replicates of a comparison are related to the test images, and what follows for variances and tests.

Each design gives the variance of a mean over replicates, and a test that does not assume a normal distribution.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt

from pipeline.statistics import inference, repeated_folds
from pipeline.statistics.inference import Variance
from pipeline.statistics.results import Design

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Method:
    """The analysis of one design.

    Attributes:
        design: its name.
        variance: from values (replicates,) and the values without each group (replicates, groups) to the variance of
            the mean.
        robust_test: from the same arguments to the two-sided p-value of the hypothesis that the mean is zero.
        step: number of replicates that are analysed as one unit.
        repetition: number of folds in a repetition, 0 without folds. A verdict needs complete repetitions, because
            their `robust_test` flips the signs of what the groups contribute; other designs flip those of replicates.
    """

    design: Design
    variance: Callable[[Array, Array], Variance]
    robust_test: Callable[[Array, Array], float]
    step: int = 1
    repetition: int = 0

    def fewest(self, pairs: int, *, level: float) -> int:
        """The smallest number of replicates with which a test can call a pair different."""
        return self.repetition or inference.fewest_replicates(pairs, level=level)

    def fewest_groups(self, pairs: int, *, level: float) -> int:
        """The smallest number of groups of test images with which a test can call a pair different; 0 for any number.

        The smallest p-value of n groups whose signs are flipped is 2 / 2ⁿ. Only complete repetitions show how many
        groups are tested.
        """
        complete = self.repetition and self.step == self.repetition
        return inference.fewest_replicates(pairs, level=level) if complete else 0


def crossed() -> Method:
    """All replicates are tested on the same groups of images."""
    return Method("crossed", inference.crossed, _of_replicates)


def folds(repetition: npt.NDArray[np.int64], tested: npt.NDArray[np.bool_], number: int) -> Method:
    """Every group is tested once per repetition of k-fold cross-validation.

    Args:
        repetition: of each replicate, shape (replicates,).
        tested: whether a replicate is tested on a group, shape (replicates, groups).
        number: of folds in a repetition.
    """
    return Method(
        "folds",
        partial(repeated_folds.variance, repetition=repetition, tested=tested, folds=number),
        lambda values, left_out: inference.sign_flip_test(
            repeated_folds.contributions(values, left_out, repetition, tested)[0].sum(axis=0)
        ),
        step=number,
        repetition=number,
    )


def incomplete(method: Method, number: int) -> Method:
    """The analysis of less than one repetition of this many folds; `method` is that of replicates without folds."""
    design: Design = "folds" if method.design == "crossed" else method.design
    return replace(method, design=design, repetition=number)


def redrawn(tested_share: float) -> Method:
    """Each replicate draws its own test images; `tested_share` is the number of test over that of training images."""
    return Method("redrawn", lambda values, _: inference.redrawn(values, tested_share), _of_replicates)


def replicates() -> Method:
    """Only one value per replicate is known."""
    return Method("replicates", lambda values, _: inference.of_replicates(values), _of_replicates)


def _of_replicates(values: Array, _: Array) -> float:
    return inference.sign_flip_test(values)
