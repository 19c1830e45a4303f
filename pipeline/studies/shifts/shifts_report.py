"""Text of the study on known changes of pictures."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pipeline.deployment.drift.difference import MARGIN
from pipeline.deployment.drift.verdict import EXPECTED, LOOK, NOT_EXPECTED
from pipeline.reporting.tables.text_table import Table
from pipeline.reporting.templates.rendering import template
from pipeline.reporting.text.quantities import count
from pipeline.studies.shifts.judged_pictures import Judged

SERIOUS = 0.05
"""Loss of accuracy that a user wants to know of."""


def shifts_text(changes: Sequence[Judged], samples: Mapping[int, Sequence[Judged]], settings: Mapping[str, Any]) -> str:
    """Return the report as Markdown.

    Args:
        changes: verdicts on changed pictures; the first are unchanged.
        samples: verdicts on random samples of unchanged pictures by their size.
        settings: those of the packaged network.
    """
    losses = {one.name: changes[0].accuracy - one.accuracy for one in changes}
    serious = [one for one in changes if losses[one.name] > SERIOUS]
    harmless = [one for one in changes[1:] if losses[one.name] <= MARGIN]
    return template("shifts.md.j2", package=__package__, autoescape=False).render(
        model=settings["model"],
        replicate=settings["replicates"][0] + 1,
        data=settings["data"],
        serious=serious,
        limit=SERIOUS,
        margin=MARGIN,
        missed=[one.name for one in serious if one.drift.verdict != NOT_EXPECTED],
        harmless=harmless,
        rejected=[one.name for one in harmless if one.drift.verdict == NOT_EXPECTED],
        changes_table=changes_table(changes),
        samples_table=samples_table(samples),
    )


def reported_accuracy(one: Judged) -> float:
    """The accuracy on the images of the reported score."""
    return one.drift.estimate.reported if one.drift.estimate else float("nan")


def changes_table(changes: Sequence[Judged]) -> Table:
    """A row for each change."""
    return Table(
        caption=f"{count(changes[0].images)} test images, changed; the reported accuracy "
        f"{reported_accuracy(changes[0]):.3f} is that of the other test images. Loss: of accuracy, compared "
        "with the unchanged pictures. Estimates in brackets are not shown to "
        "users, because their assumption is violated.",
        header=("change", "pictures", "accuracy", "loss", "estimate", "unusual", "verdict"),
        rows=tuple(
            (
                one.name,
                count(one.images),
                f"{one.accuracy:.3f}",
                f"{changes[0].accuracy - one.accuracy:+.3f}",
                _estimate(one),
                f"{one.unusual:.0%}",
                one.drift.verdict,
            )
            for one in changes
        ),
        prose=(6,),
    )


def samples_table(samples: Mapping[int, Sequence[Judged]]) -> Table:
    """A row for each size of the samples."""
    return Table(
        caption="Random samples of unchanged test images. Error: mean absolute difference of the estimated and the "
        "real accuracy. Covered: samples whose real accuracy lies in the interval of 95 %.",
        header=("pictures", "samples", EXPECTED, LOOK, NOT_EXPECTED, "error", "covered"),
        rows=tuple(_samples_row(size, judged) for size, judged in samples.items()),
    )


def _samples_row(size: int, judged: Sequence[Judged]) -> tuple[str, ...]:
    verdicts = [one.drift.verdict for one in judged]
    estimates = [(one.accuracy, one.drift.estimate) for one in judged if one.drift.estimate]
    errors = [abs(accuracy - estimate.accuracy) for accuracy, estimate in estimates]
    covered = [estimate.low <= accuracy <= estimate.high for accuracy, estimate in estimates]
    return (
        count(size),
        count(len(judged)),
        *(count(verdicts.count(word)) for word in (EXPECTED, LOOK, NOT_EXPECTED)),
        f"{np.mean(errors):.3f}",
        f"{np.mean(covered):.0%}",
    )


def _estimate(one: Judged) -> str:
    if one.drift.estimate is None:
        return "–"
    written = f"{one.drift.estimate.accuracy:.3f}"
    return written if one.drift.estimate_holds else f"({written})"
