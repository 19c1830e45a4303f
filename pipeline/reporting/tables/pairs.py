"""Every model against every other: the differences as a matrix, the verdicts as a list, and the letters of the ties."""

from string import ascii_lowercase
from typing import Literal, NamedTuple

import numpy as np

from pipeline.evaluation.metrics import LOWER_IS_BETTER
from pipeline.reporting.content import metric_label
from pipeline.reporting.tables.text_table import Table
from pipeline.reporting.text import quantities
from pipeline.statistics.results import Certainty, Pair

Standing = Literal["better", "worse", "same", "open"]

SIGNS: dict[Standing, str] = {"better": "▲ ", "worse": "▼ ", "same": "= ", "open": ""}
"""Before the difference, because not every reader can tell the colours apart."""
VERDICTS = {"better": "better", "same": "practically the same", "open": "undecided"}


class Duel(NamedTuple):
    """A model against another: the verdict, and the difference of scores with its interval."""

    model: str
    opponent: str
    standing: Standing
    difference: float
    low: float
    high: float

    def numbers(self) -> str:
        """The sign of the verdict, the difference, and its interval in a second line if there is one."""
        ends = quantities.interval(self.low, self.high)
        return SIGNS[self.standing] + quantities.difference(self.difference) + (f"\n({ends})" if ends else "")


def tie_letters(certainty: Certainty) -> dict[str, str]:
    """The letters of each model (compact letter display, Piepho 2004): models share one if neither is better."""
    letters = list(ascii_lowercase) + [one + two for one in ascii_lowercase for two in ascii_lowercase]
    ties = dict(zip(certainty.ties, letters, strict=False))
    return {
        one.model: " ".join(letter for tie, letter in ties.items() if one.model in tie) for one in certainty.estimates
    }


def duel(certainty: Certainty, model: str, opponent: str) -> Duel:
    """The pair of these two models, seen from the first one."""
    pair = certainty.pair(model, opponent)
    if pair.first == model:
        standing: Standing = pair.verdict
        return Duel(model, opponent, standing, pair.difference, pair.low, pair.high)
    standing = "worse" if pair.verdict == "better" else pair.verdict
    return Duel(model, opponent, standing, -pair.difference, -pair.high, -pair.low)


def matrix(certainty: Certainty) -> dict[str, tuple[Duel | None, ...]]:
    """A row per model and a column per opponent, both best mean first; None on the diagonal."""
    models = [one.model for one in certainty.estimates]
    return {
        model: tuple(None if model == opponent else duel(certainty, model, opponent) for opponent in models)
        for model in models
    }


def matrix_table(certainty: Certainty) -> Table:
    """The matrix as text."""
    models = [one.model for one in certainty.estimates]
    sign = "negative" if certainty.metric in LOWER_IS_BETTER else "positive"
    return Table(
        caption=f"Difference in {metric_label(certainty.metric)}, row minus column ({sign} if the row is better), with "
        f"its {quantities.confidence(certainty.level)} interval. ▲: the row is better. ▼: the column is better. "
        "=: practically the same. No sign: undecided.",
        header=("row against column", *models),
        rows=tuple(
            (model, *("·" if one is None else one.numbers() for one in row)) for model, row in matrix(certainty).items()
        ),
    )


def pairs_table(certainty: Certainty) -> Table:
    """A row per pair: the verdict, the p-value, how often the first model is better, and the replicates needed."""
    corrected = ", corrected for all pairs" if len(certainty.pairs) > 1 else ""
    return Table(
        caption=f"p: p-value{corrected}. P: share of replicates in which the model with the better mean is better "
        "(ties count half). Replicates needed: an estimate for undecided pairs; – means that no number would suffice.",
        header=("better mean", "against", "verdict", "p", "P", "replicates needed"),
        rows=tuple(
            (
                pair.first,
                pair.second,
                VERDICTS[pair.verdict],
                quantities.p_value(pair.adjusted).removeprefix("p = ").removeprefix("p "),
                f"{pair.wins:.2f}" if np.isfinite(pair.wins) else "–",
                _needed(pair),
            )
            for pair in certainty.pairs
        ),
        keys=tuple(
            (None, None, None, pair.adjusted, pair.wins, float("nan") if pair.needed is None else float(pair.needed))
            for pair in certainty.pairs
        ),
    )


def _needed(pair: Pair) -> str:
    if pair.verdict != "open":
        return ""
    return "–" if pair.needed is None else quantities.count(pair.needed)
