"""The effect of using the same test images repeatedly.

The best of many configurations on the same test images is partly the luckiest one, so its score is too optimistic for
new images (Cawley & Talbot 2010; Recht et al. 2019).
"""

import numpy as np
from scipy import special

from pipeline.counts import number_of
from pipeline.reporting.content import Comparison, metric_label
from pipeline.reporting.text.quantities import count, score
from pipeline.statistics.results import Certainty


def expected_best(models: int) -> float:
    """The expected maximum of this number of independent standard normal values (Tippett 1925).

    >>> [round(expected_best(models), 3) for models in (1, 2, 5, 10)]
    [0.0, 0.564, 1.163, 1.539]
    """
    x = np.linspace(0, 10, 10_001)
    below = special.ndtr(x)
    return float(np.trapezoid(1 - below**models - (1 - below) ** models, x))


def own_error(certainty: Certainty) -> float:
    """The standard error of a model's mean, without the part that all models share; NaN if unknown.

    A shared error, such as that of the test images, moves all models and cannot make one look better than another. It
    cancels out in differences, so the result is the median standard error of a difference / √2.
    """
    errors = np.array([pair.error for pair in certainty.pairs])
    known = errors[np.isfinite(errors)]
    return float(np.median(known) / np.sqrt(2)) if len(known) else float("nan")


def sentences(comparison: Comparison) -> tuple[str, ...]:
    """Return how often the test images were used, and the possible effect."""
    evaluated, tuned = comparison.reuse.evaluated, comparison.reuse.tuned
    shown = len(comparison.networks)
    if not evaluated:
        parts = ["There is no record of how often these test images were used."]
    elif evaluated <= shown:
        parts = [
            f"The record counts {number_of(evaluated, 'configuration')} evaluated on these test images, all of them "
            "in this comparison."
        ]
    else:
        parts = [
            f"The record counts {number_of(evaluated, 'configuration')} evaluated on these test images, "
            f"{count(evaluated - shown)} more than this comparison shows."
        ]
    if optimism := _optimism(comparison, max(evaluated, shown)):
        parts.append(optimism)
    if tuned and comparison.reuse.redrawn:
        parts.append(
            f"Settings were tuned on images that this comparison tests on ({number_of(tuned, 'configuration')}). The "
            "scores of models with these settings are too optimistic by an unknown amount."
        )
    elif tuned:
        parts.append(
            f"{number_of(tuned, 'configuration was', 'configurations were')} tuned with another split or another form "
            "of these images, such as another size, so possibly on images that this comparison tests on. The scores of "
            "models with these settings may be too optimistic."
        )
    return tuple(parts)


def _optimism(comparison: Comparison, models: int) -> str:
    error = own_error(comparison.certainty)
    if models < 2 or not np.isfinite(error):
        return ""
    return (
        f"If {count(models)} models were equally good, the {metric_label(comparison.primary_metric)} of the apparent "
        f"winner would be expected to look about {score(expected_best(models) * error)} better than it is, by chance "
        f"alone ({expected_best(models):.2f} standard errors of {score(error)}; errors that all models share do not "
        "count)."
    )


def warning_needed(comparison: Comparison) -> bool:
    """Whether the answer needs a warning about the use of the test images."""
    return comparison.reuse.tuned > 0 or comparison.reuse.evaluated > len(comparison.networks)
