"""The verdict on every pair of models."""

from pipeline.reporting.blocks import Bullets, Fold, Section, Square
from pipeline.reporting.content import Comparison
from pipeline.reporting.tables.pairs import square, square_table
from pipeline.reporting.text.pair_verdicts import sentence

OPENED = 3
"""With more pairs than this, the sentences are folded."""


def section(comparison: Comparison) -> Section | None:
    """Return the square of all pairs, with the verdicts as sentences in a folded block."""
    certainty = comparison.certainty
    if not certainty.pairs:
        return None
    sentences = tuple(sentence(pair, certainty) for pair in certainty.pairs)
    return Section(
        "pairs",
        "Every pair of models",
        (
            Square(square_table(certainty), square(certainty)),
            Fold("In words", (Bullets(sentences),), opened=len(sentences) <= OPENED),
        ),
    )
