"""Which model is better, and how certain is that?

Each model is trained several times, and each training is tested on images that come in groups. Replicates and groups
are both samples: other replicates and other groups would give other scores.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from pipeline.evaluation.predictions import Predictions
from pipeline.statistics import inference, resampling, verdicts
from pipeline.statistics.results import Certainty

DRAWINGS = 2000
"""Resamples of the bootstrap."""


def analyse(
    metric: str, predictions: Mapping[str, Sequence[Predictions]], *, margin: float, drawings: int = DRAWINGS
) -> Certainty:
    """Compare models in pairs, replicate by replicate, from their predictions.

    If all test images form one group, groups cannot be resampled, and the analysis is that of `analyse_scores`.

    Args:
        metric: name of the metric by which the models are compared.
        predictions: of the replicates of each model, in the same order of replicates for all models.
        margin: differences up to it are practically zero, in units of the metric.
        drawings: resamples of the bootstrap, which has a fixed seed.

    Raises:
        UserError: unknown metric.
        ValueError: the models have different numbers of replicates, or replicates of the same number were tested on
            different images.
    """
    replicates = _replicates(predictions)
    for paired in zip(*predictions.values(), strict=True):
        if any(not np.array_equal(paired[0].images, one.images) for one in paired):
            raise ValueError(
                "Replicates of the same number must be tested on the same images, so that models are compared in "
                f"pairs. Received different images for {' and '.join(predictions)}; use the same split for all."
            )
    of_first_model = list(next(iter(predictions.values()), ()))
    images = len({number for one in of_first_model for number in np.unique(one.images)})
    groups = len({number for one in of_first_model for number in np.unique(one.groups)})
    resampled = resampling.resample(metric, predictions, drawings=drawings)
    if any(not np.array_equal(of_first_model[0].images, one.images) for one in of_first_model):
        tested = np.mean([len(one.images) for one in of_first_model])
        share = float(tested / np.mean([one.trained_on for one in of_first_model]))
        return verdicts.conclude(
            metric,
            list(predictions),
            resampled,
            lambda values, _: inference.redrawn(values, share),
            margin=margin,
            design="redrawn",
            images=images,
            groups=groups,
        )
    if groups < 2 and replicates:
        scores = dict(zip(predictions, resampled.scores.tolist(), strict=True))
        return analyse_scores(metric, scores, margin=margin, drawings=drawings)
    return verdicts.conclude(
        metric,
        list(predictions),
        resampled,
        inference.crossed,
        margin=margin,
        design="crossed",
        images=images,
        groups=groups,
    )


def analyse_scores(
    metric: str, scores: Mapping[str, Sequence[float]], *, margin: float, drawings: int = DRAWINGS
) -> Certainty:
    """Compare models in pairs from one score per replicate, without predictions.

    Groups of images are not resampled, so the result holds for these test images only. Arguments and errors as in
    `analyse`.
    """
    shape = len(scores), _replicates(scores)
    values = np.array([list(ones) for ones in scores.values()], np.float64).reshape(shape)
    return verdicts.conclude(
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
    """The number of replicates that all models have."""
    counts = {model: len(replicates) for model, replicates in models.items()}
    if len(set(counts.values())) > 1:
        raise ValueError(
            "Models must have equally many replicates, so that they are compared in pairs. Received "
            f"{', '.join(f'{count} of {model}' for model, count in counts.items())}; train the missing replicates."
        )
    return next(iter(counts.values()), 0)
