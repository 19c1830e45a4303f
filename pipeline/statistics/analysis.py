"""Which model is better, and how sure is that?

Every model has been trained several times, and every training has been asked about test images that come in groups.
Both are samples: other replicates and other groups would have given other scores.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from pipeline.statistics import inference, resampling, verdicts
from pipeline.statistics.values import Certainty, Tested

DRAWINGS = 2000
"""Of the bootstrap."""


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
