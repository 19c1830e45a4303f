"""How a network reacts to changes of its images: the one table of the numbers that the report's tables show."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pipeline.reporting.text.quantities import capitalized, mean


class Reaction(NamedTuple):
    """How a network reacts to changes of its images, as one number: its key in the interpretation, and texts."""

    key: str
    label: str
    meaning: str


REACTIONS = (
    Reaction(
        "shift_consistency",
        "shift consistency",
        "share of test images that get the same class in two randomly shifted copies",
    ),
    Reaction("rotation_consistency", "rotation consistency", "the same for two randomly rotated copies"),
    Reaction(
        "equivariance_error",
        "equivariance error",
        "relative change of the last feature maps that a shift of the image does not explain; 0 is exact equivariance",
    ),
)
LEADING = REACTIONS[:1]
"""Those in the first table of the report."""


def explained(shown: Sequence[Reaction], shifts: Mapping[str, Mapping[str, Any]]) -> str:
    """What the reactions mean, a sentence for each, and whether replicates without one are left out of the means."""
    sentences = [f"{capitalized(one.label)}: {one.meaning}." for one in shown]
    replicates = [one for measured in shifts.values() for one in measured["replicates"]]
    if shown and any(one["shift_consistency"] is None for one in replicates):
        sentences.append("Replicates that predict one class for every image are left out of these means.")
    return " ".join(sentences)


def mean_reaction(shifts: Mapping[str, Mapping[str, Any]], model: str, key: str) -> float:
    """The mean of a reaction over the replicates for which it is defined; NaN if there is none.

    `shifts` maps the names of models to their measurements (`pipeline.interpretation.shift_scores`).
    """
    replicates = shifts[model]["replicates"] if model in shifts else ()
    values = [one[key] for one in replicates if one.get(key) is not None]
    return mean(values) if values else float("nan")
