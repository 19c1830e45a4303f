"""The verdict on every pair of models."""

from pipeline.reporting.blocks import Fold, Matrix, Section, TableBlock
from pipeline.reporting.content import Comparison
from pipeline.reporting.tables.pairs import VERDICTS, matrix, matrix_table, pairs_table


def section(comparison: Comparison) -> Section | None:
    """Return the matrix of differences, with the list of all pairs in a folded block."""
    certainty = comparison.certainty
    if not certainty.pairs:
        return None
    verdicts = [pair.verdict for pair in certainty.pairs]
    hint = ", ".join(f"{verdicts.count(key)} {word}" for key, word in VERDICTS.items() if key in verdicts)
    standings = tuple(
        tuple("self" if one is None else one.standing for one in row) for row in matrix(certainty).values()
    )
    return Section(
        "pairs",
        "Every pair of models",
        (
            Matrix(matrix_table(certainty), standings),
            Fold("p-values and replicates needed", (TableBlock(pairs_table(certainty)),)),
        ),
        hint,
    )
