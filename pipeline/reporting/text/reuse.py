"""What it does to a comparison that its test images were used before.

Whoever picks the best of many configurations by the same test images picks their luck too, and its score promises more
than new images will keep (Cawley & Talbot 2010; Recht et al. 2019).
"""

import numpy as np
from scipy import special

from pipeline.reporting.content import Comparison, metric_label
from pipeline.reporting.text.quantities import count, score
from pipeline.statistics.results import Certainty


def expected_best(models: int) -> float:
    """Expected value of the largest of so many independent standard normal values (Tippett 1925).

    >>> [round(expected_best(models), 3) for models in (1, 2, 5, 10)]
    [0.0, 0.564, 1.163, 1.539]
    """
    x = np.linspace(0, 10, 10_001)
    below = special.ndtr(x)
    return float(np.trapezoid(1 - below**models - (1 - below) ** models, x))


def own_error(certainty: Certainty) -> float:
    """The part of the standard error of a model's mean that it does not share with the others, NaN where unknown.

    Luck that all models share, as that of the test images, moves all of them and cannot make one look better than
    another; it cancels in differences. So this is the standard error of a difference / √2, and a standard error is half
    of a 95 % interval / 1.96 (a little too much where the interval is that of few replicates); the median over pairs.
    """
    halves = np.array([(pair.high - pair.low) / 2 for pair in certainty.pairs])
    known = halves[np.isfinite(halves)]
    return float(np.median(known) / special.ndtri(0.975) / np.sqrt(2)) if len(known) else float("nan")


def sentences(comparison: Comparison) -> tuple[str, ...]:
    """How often these test images were used, and what that may have done."""
    evaluated, tuned = comparison.reuse.evaluated, comparison.reuse.tuned
    compared = len(comparison.models)
    if not evaluated:
        told = ["How often these test images were used before is not recorded."]
    elif evaluated <= compared:
        told = [
            f"The record holds {_configurations(evaluated)} evaluated on these test images: none but those compared."
        ]
    else:
        told = [
            f"{_configurations(evaluated)} have been evaluated on these test images so far, "
            f"{count(evaluated - compared)} more than are compared here."
        ]
    if chance := _by_chance(comparison, max(evaluated, compared)):
        told.append(chance)
    if tuned:
        told.append(
            f"Settings were tuned on images that this comparison tests on ({_configurations(tuned)}), so scores of "
            "models with these settings are too good by an amount that nobody knows."
        )
    return tuple(told)


def _by_chance(comparison: Comparison, models: int) -> str:
    error = own_error(comparison.certainty)
    if models < 2 or not np.isfinite(error):
        return ""
    return (
        f"If {count(models)} models were equally good, the one that looks best would be expected to show a "
        f"{metric_label(comparison.primary_metric)} about {score(expected_best(models) * error)} better than it is, by "
        f"chance alone ({expected_best(models):.2f} standard errors of {score(error)}, without the luck that all "
        "models share)."
    )


def warned(comparison: Comparison) -> bool:
    """Whether the answer needs a warning beside it."""
    return comparison.reuse.tuned > 0 or comparison.reuse.evaluated > len(comparison.models)


def _configurations(number: int) -> str:
    return "1 configuration" if number == 1 else f"{count(number)} configurations"
