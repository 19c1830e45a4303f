"""Precision, recall and F1 of every class, one table per model."""

from collections.abc import Sequence

from pipeline.reporting.tables.text_table import Table
from pipeline.reporting.text import quantities
from pipeline.statistics.class_scores import SCORES, ClassScore, ClassScores
from pipeline.statistics.results import LEVEL

HEADINGS = {"precision": "precision", "recall": "recall", "f1": "F1"}


def class_table(model: str, classes: Sequence[ClassScores]) -> Table:
    """One row per class; – marks what is unknown."""
    return Table(
        caption=f"Test scores of {model} by class, mean over replicates ({quantities.share(LEVEL)} interval).",
        header=("class", *(HEADINGS[score] for score in SCORES), "test images"),
        rows=tuple(
            (one.name, *(_written(one.scores[score]) for score in SCORES), quantities.count(one.images))
            for one in classes
        ),
        keys=tuple((None, *(one.scores[score].mean for score in SCORES), float(one.images)) for one in classes),
    )


def _written(score: ClassScore) -> str:
    if score.mean != score.mean:
        return "–"
    # Several replicates without any error have no spread to estimate an interval from.
    ends = "" if score.low == score.high else quantities.interval(score.low, score.high)
    return quantities.score(score.mean) + (f" ({ends})" if ends else "")
