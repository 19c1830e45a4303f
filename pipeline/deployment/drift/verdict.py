"""From the checks to a verdict: can the reported score be expected on new pictures?"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

from pipeline.counts import number_of
from pipeline.deployment.drift import (
    confidence_change,
    pixel_statistics,
    predicted_classes,
    separable_pictures,
    unusual_share,
)
from pipeline.deployment.drift.compared import FEWEST, Compared
from pipeline.deployment.drift.difference import MARGIN, Difference, relevant
from pipeline.deployment.drift.estimated_accuracy import Estimate, estimated_accuracy
from pipeline.deployment.drift.new_pictures import NewPictures
from pipeline.deployment.reference import Reference

Word = Literal["as expected", "look at it", "do not expect the reported score"]
EXPECTED: Word = "as expected"
LOOK: Word = "look at it"
NOT_EXPECTED: Word = "do not expect the reported score"

ERROR_RATE = 0.01
"""Probability that any difference is found although the pictures are like the training images."""
MOSTLY_UNUSUAL = 0.5
"""Share of unusual pictures from which the reported score cannot be expected."""
FEWEST_UNUSUAL = 3
"""Smallest number of unusual pictures for this verdict."""
OTHER_CLASSES, SEPARABLE = 0.2, 0.3
"""Total variation distance and area above 0.5 from which, together, predictions are taken to be wrong."""


class Drift(NamedTuple):
    """The result of the comparison.

    verdict: one of `Word`.
    reasons: sentences, the most important first.
    not_judged: sentences that say what cannot be judged, and why.
    differences: all checks.
    found: the names of the relevant differences.
    estimate: the estimated accuracy; None for few pictures.
    estimate_holds: whether nothing contradicts the assumption of the estimate, that mistakes have low confidence.
    """

    verdict: Word
    reasons: tuple[str, ...]
    not_judged: tuple[str, ...]
    differences: tuple[Difference, ...]
    found: tuple[str, ...]
    estimate: Estimate | None
    estimate_holds: bool


def examine(new: NewPictures, reference: Reference, classes: tuple[str, ...], *, margin: float = MARGIN) -> Drift:
    """Compare new pictures, at least one, with the images of a model.

    Args:
        new: the pictures.
        reference: the images of the model.
        classes: the names of its classes.
        margin: the largest loss of accuracy that is irrelevant.
    """
    few = min(new.size, len(reference.scored.labels), len(reference.training.measures)) < FEWEST
    compared = Compared(new, reference, classes)
    differences = tuple(unusual_share.check(compared) if few else _differences(compared))
    found = relevant(differences, error_rate=ERROR_RATE)
    estimate = None if few else estimated_accuracy(compared)
    unknown = [*_mostly_unusual(new), *_wrong_classes(found)]
    serious = unknown or [*(_less_accurate(estimate, margin) if estimate else ())]
    reasons = [*serious, *_copies(new), *(one.sentence for one in found)]
    return Drift(
        NOT_EXPECTED if serious else LOOK if reasons or few else EXPECTED,
        tuple(reasons),
        tuple(_not_judged(new, reference)),
        differences,
        tuple(one.name for one in found),
        estimate,
        estimate is not None and not unknown,
    )


def _differences(compared: Compared) -> Iterator[Difference]:
    """All checks. If the class shares differ, pixels are compared with training images of the same shares."""
    shares = tuple(predicted_classes.check(compared))
    matched = replace(compared, match=bool(relevant(shares, error_rate=ERROR_RATE)))
    yield from unusual_share.check(compared)
    yield from pixel_statistics.check(matched)
    yield from separable_pictures.check(matched)
    yield from shares
    yield from confidence_change.check(compared)


def _mostly_unusual(new: NewPictures) -> Iterator[str]:
    if new.unusual.sum() >= max(FEWEST_UNUSUAL, MOSTLY_UNUSUAL * new.size):
        yield "At least half of the pictures are of a kind that the model was neither trained nor tested on."


def _less_accurate(estimate: Estimate, margin: float) -> Iterator[str]:
    if estimate.lost_at_least > margin:
        yield (
            f"The estimated accuracy is {estimate.accuracy:.3f} ({estimate.low:.3f} to {estimate.high:.3f}), but the "
            f"reported one is {estimate.reported:.3f}."
        )


def _wrong_classes(found: Sequence[Difference]) -> Iterator[str]:
    effects = {one.name: one.effect for one in found}
    shares, area = effects.get(predicted_classes.NAME, 0), effects.get(separable_pictures.NAME, 0)
    if shares >= OTHER_CLASSES and area >= SEPARABLE:
        yield (
            "Both the predicted classes and the pixels differ much from those known to the model: many predictions are "
            "probably wrong, even if their confidence is high."
        )


def _copies(new: NewPictures) -> Iterator[str]:
    copies = len(new.copies)
    if copies:
        yield (
            f"{number_of(copies, 'picture is a copy of a training image', 'pictures are copies of training images')}: "
            "leave them out, because a model recognises them better than new ones."
        )


def _not_judged(new: NewPictures, reference: Reference) -> Iterator[str]:
    """What the numbers of pictures and images are too small for."""
    checks = "pixels, predicted classes and confidence cannot be compared, and the accuracy cannot be estimated"
    for count, things in (
        (new.size, "picture is|pictures are"),
        (len(reference.scored.labels), "image of the reported score is|images of the reported score are"),
        (len(reference.training.measures), "training image is|training images are"),
    ):
        if count < FEWEST:
            yield f"{number_of(count, *things.split('|'))} too few, because {FEWEST} are needed: {checks}."
