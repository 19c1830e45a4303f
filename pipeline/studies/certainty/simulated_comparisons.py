"""Simulated comparisons: predictions of networks whose true accuracy is known."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import optimize, special

from pipeline.evaluation.predictions import Predictions

Array = npt.NDArray[np.float64]
SimulateComparison = Callable[[np.random.Generator], dict[str, list[Predictions]]]
"""A function that draws one comparison: the predictions of each model, one per replicate."""

IMAGES = 8
"""Images per group."""


@dataclass(frozen=True)
class Scenario:
    """Standard deviations of the random effects that make up the logit of the second class.

    The logit of an image is y · (signal + replicate + group) + image + noise, where y is −1 or 1. A prediction is
    correct if the logit has the sign of y. Every model draws its own effects; the effect of an image is the same in
    all replicates. `tails` is the number of degrees of freedom of the replicate effects. With probability
    `collapses`, a training fails and its logit contains no signal.
    """

    replicate: float
    group: float
    image: float = 0.5
    noise: float = 0.5
    signal: float = 1.0
    tails: float = np.inf
    collapses: float = 0.0


SCENARIOS = {
    "replicates vary": Scenario(replicate=0.4, group=0.05),
    "groups vary": Scenario(replicate=0.05, group=0.5),
    "both vary": Scenario(replicate=0.2, group=0.3),
    "only noise": Scenario(replicate=0.0, group=0.0, image=0.0, noise=1.0),
    "heavy tails": Scenario(replicate=0.2, group=0.1, tails=2.0),
    "failed trainings": Scenario(replicate=0.1, group=0.2, collapses=0.15),
}
LOW_VARIANCE = Scenario(replicate=0.05, group=0.1, image=0.2, noise=0.3)
"""A scenario in which small differences can be detected."""


def crossed(scenarios: dict[str, Scenario], replicates: int, groups: int) -> SimulateComparison:
    """Simulate models whose replicates all predict the same test images.

    Each image has a difficulty that is added to the logits of all models.
    """
    count = groups * IMAGES
    group = np.repeat(np.arange(groups), IMAGES)

    def simulated(generator: np.random.Generator) -> dict[str, list[Predictions]]:
        truth = generator.permutation(count) % 2
        difficulty = generator.normal(size=count)
        tested = {}
        for name, scenario in scenarios.items():
            effects = scenario.replicate * _replicate_effects(scenario.tails, replicates, generator)
            signal = scenario.signal + effects[:, np.newaxis] + scenario.group * generator.normal(size=groups)[group]
            signal *= (generator.random(replicates) >= scenario.collapses)[:, np.newaxis]
            logits = (2.0 * truth - 1) * signal + difficulty + scenario.image * generator.normal(size=count)
            logits += scenario.noise * generator.normal(size=(replicates, count))
            tested[name] = [predictions_of(np.arange(count), group, truth, one, 3 * count) for one in logits]
        return tested

    return simulated


def true_accuracy(signal: float) -> float:
    """Return the expected accuracy in the scenario `LOW_VARIANCE`, where the logit is normally distributed."""
    one = LOW_VARIANCE
    spread = np.sqrt(1 + one.replicate**2 + one.group**2 + one.image**2 + one.noise**2)
    return float(special.ndtr(signal / spread))


def signal_for(difference: float) -> float:
    """Return the signal at which the accuracy is higher by `difference` than at signal 1."""
    return float(optimize.brentq(lambda signal: true_accuracy(signal) - true_accuracy(1.0) - difference, 1, 3))


def _replicate_effects(tails: float, count: int, generator: np.random.Generator) -> Array:
    return generator.normal(size=count) if np.isinf(tails) else generator.standard_t(tails, size=count)


def predictions_of(
    images: npt.NDArray[np.int64],
    groups: npt.NDArray[np.int64],
    truth: npt.NDArray[np.int64],
    logits: Array,
    trained_on: int,
) -> Predictions:
    """The predictions of a network with two classes; `logits` are those of the second class."""
    second = 1 / (1 + np.exp(-logits))
    return Predictions(
        images=images,
        groups=groups,
        classes=np.array(["first", "second"]),
        truth=truth,
        probabilities=np.column_stack([1 - second, second]),
        trained_on=trained_on,
    )
