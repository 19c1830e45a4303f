"""The comparison of new pictures with the images of a model, in sentences and as a table."""

from typing import Any

from pipeline.console import columns
from pipeline.counts import number_of
from pipeline.deployment.drift.new_pictures import NewPictures
from pipeline.deployment.drift.verdict import EXPECTED, LOOK, Drift
from pipeline.deployment.reference import Reference
from pipeline.reporting.tables.text_table import Table

NAMED = 10
"""Names of pictures that a text lists."""


def answer(drift: Drift) -> str:
    """The verdict as a sentence."""
    if drift.verdict == EXPECTED:
        return "As expected: nothing contradicts the reported score."
    if drift.verdict == LOOK and not drift.reasons:
        return "Look at it: too few pictures to say whether the reported score can be expected."
    if drift.verdict == LOOK and not drift.found:
        return "Look at it: some pictures are copies of training images."
    if drift.verdict == LOOK:
        return "Look at it: something differs, but no loss of accuracy is visible."
    return "Do not expect the reported score."


def compared_with(new: NewPictures, reference: Reference, model: str) -> str:
    """What is compared with what."""
    part = "test" if len(reference.test.labels) else "validation"
    images = number_of(len(reference.scored.labels), f"{part} image")
    training = number_of(int(reference.class_counts.sum()), "training image")
    return f"{number_of(new.size, 'picture')} compared with {training} and {images} of {model}."


def estimate_sentence(drift: Drift) -> str:
    """The estimated and the reported accuracy, or why there is no estimate."""
    estimate = drift.estimate
    if estimate is None:
        return "The accuracy cannot be estimated from so few images."
    reported = f"The reported accuracy is {estimate.reported:.3f} on {number_of(estimate.images, 'image')}."
    if not drift.estimate_holds:
        return f"{reported} The accuracy on the pictures cannot be estimated: the model may be confidently wrong."
    return (
        f"{reported} The estimated accuracy on the pictures is {estimate.accuracy:.3f} "
        f"({estimate.low:.3f} to {estimate.high:.3f})."
    )


def checks_table(drift: Drift) -> Table:
    """A row for each check."""
    found = [("yes" if one.name in drift.found else "no") for one in drift.differences]
    return Table(
        caption="A difference is found if it is both significant and at least as large as relevant.",
        header=("check", "difference", "relevant from", "p value", "found", "measured as"),
        rows=tuple(
            (one.name, f"{one.effect:.3f}", f"{one.relevant_from:.3f}", f"{one.p_value:.2g}", answer, one.measure)
            for one, answer in zip(drift.differences, found, strict=True)
        ),
        keys=tuple((None, one.effect, one.relevant_from, one.p_value, None, None) for one in drift.differences),
        prose=(5,),
    )


def drift_lines(drift: Drift, new: NewPictures, reference: Reference, model: str) -> list[str]:
    """The result for a terminal."""
    table = checks_table(drift)
    reasons = [f"- {reason}" for reason in (*drift.reasons, *drift.not_judged)]
    lines = [answer(drift), *reasons, "", compared_with(new, reference, model), estimate_sentence(drift), ""]
    lines += columns([table.header, *table.rows], right=(1, 2, 3))
    for title, names in (
        ("Copies of training images", new.copies),
        ("Unreadable pictures, left out", tuple(f"{name}: {problem}" for name, problem in new.unreadable)),
    ):
        if names:
            lines += ["", f"{title} ({len(names):,}):", *(f"  {name}" for name in names[:NAMED])]
            lines += [f"  and {len(names) - NAMED:,} more"] if len(names) > NAMED else []
    return lines


def drift_record(drift: Drift, new: NewPictures, classes: tuple[str, ...], model: str) -> dict[str, Any]:
    """The result as values for JSON."""
    estimate = None if drift.estimate is None else drift.estimate._asdict() | {"holds": drift.estimate_holds}
    predicted = {name: int((new.labels == label).sum()) for label, name in enumerate(classes)}
    return {
        "verdict": drift.verdict,
        "reasons": drift.reasons,
        "not_judged": drift.not_judged,
        "model": model,
        "pictures": new.size,
        "accuracy": estimate,
        "checks": [
            {key: value for key, value in one._asdict().items() if key != "sentence"}
            | {"found": one.name in drift.found}
            for one in drift.differences
        ],
        "predicted_classes": predicted,
        "unusual": {"pictures": int(new.unusual.sum()), "flags": dict(new.flags)},
        "copies": new.copies,
        "unreadable": dict(new.unreadable),
    }
