"""Which model is better, and how sure is that?

Every model has been trained several times, and every training has been asked about test images that come in groups.
Both are samples: other replicates and other groups would have given other scores.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

LEVEL = 0.95
"""Of intervals; verdicts rest on the same risk, 5 %."""
DRAWINGS = 2000
"""Of the bootstrap."""

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


def certainty(
    metric: str, tested: Mapping[str, Sequence[Tested]], *, margin: float, drawings: int = DRAWINGS
) -> Certainty:
    """What can be said of models whose replicates were asked the same questions, replicate by replicate.

    Where all test images are one group, no other groups can be drawn, and the scores are all there is to go by.

    Args:
        metric: by which the models are compared, one of `metrics.scores`.
        tested: what the replicates of each model said, in the same order of replicates for all models.
        margin: differences up to it, in the metric's own units, do not matter in practice.
        drawings: of the bootstrap, with a fixed seed.

    Raises:
        ValueError: no such metric, models of different numbers of replicates, or replicates of the same number that
            were asked about different images.
    """
    # Reports need the words above, not the seconds that what follows takes to import.
    from pipeline.evaluation import inference, resampling, verdicts

    replicates = _replicates(tested)
    for ones in zip(*tested.values(), strict=True):
        if any(not np.array_equal(ones[0].images, one.images) for one in ones):
            raise ValueError(
                "Replicates of the same number must be tested on the same images, so that models are compared in "
                f"pairs. Received others for {' and '.join(tested)}; run all of them with the same split."
            )
    several = [one for ones in list(tested.values())[:1] for one in ones]
    groups, images = (
        len({number for one in several for number in np.unique(getattr(one, part))}) for part in ("groups", "images")
    )
    resampled = resampling.resample(metric, tested, drawings=drawings)
    if any(not np.array_equal(several[0].images, one.images) for one in several):
        share = float(np.mean([len(one.images) for one in several]) / np.mean([one.trained_on for one in several]))
        return verdicts.judged(
            metric,
            list(tested),
            resampled,
            lambda values, _: inference.redrawn(values, share),
            margin=margin,
            design="redrawn",
            images=images,
            groups=groups,
        )
    if groups < 2 and replicates:
        return certainty_of_scores(
            metric, dict(zip(tested, resampled.scores.tolist(), strict=True)), margin=margin, drawings=drawings
        )
    return verdicts.judged(
        metric,
        list(tested),
        resampled,
        inference.crossed,
        margin=margin,
        design="crossed",
        images=images,
        groups=groups,
    )


def certainty_of_scores(
    metric: str, scores: Mapping[str, Sequence[float]], *, margin: float, drawings: int = DRAWINGS
) -> Certainty:
    """The same where no more is known than one score a replicate: groups of images are not resampled then.

    What is said then holds for these test images only. Arguments and errors as `certainty`.
    """
    from pipeline.evaluation import inference, resampling, verdicts

    shape = len(scores), _replicates(scores)
    values = np.array([list(ones) for ones in scores.values()], np.float64).reshape(shape)
    return verdicts.judged(
        metric,
        list(scores),
        resampling.resample_scores(values, drawings=drawings),
        lambda values, _: inference.of_replicates(values),
        margin=margin,
        design="replicates",
        images=0,
        groups=0,
    )


def _replicates(models: Mapping[str, Sequence[object]]) -> int:
    counts = {model: len(ones) for model, ones in models.items()}
    if len(set(counts.values())) > 1:
        raise ValueError(
            "Models must have equally many replicates, so that they are compared in pairs. Received "
            f"{', '.join(f'{count} of {model}' for model, count in counts.items())}; train what is missing."
        )
    return next(iter(counts.values()), 0)
