"""Every model against every other: the verdict on each pair as a square table, and the letters of the ties."""

from string import ascii_lowercase
from typing import Literal, NamedTuple

import numpy as np

from pipeline.evaluation.metrics import LOWER_IS_BETTER
from pipeline.reporting.content import metric_label
from pipeline.reporting.tables.text_table import Table
from pipeline.reporting.text import quantities
from pipeline.statistics.results import LEVEL, Certainty

Standing = Literal["better", "worse", "same", "open"]

MARKS: dict[Standing, str] = {
    "better": "▲ better",
    "worse": "▼ worse",
    "same": "= same",
    "open": "? undecided",
}
"""A sign before each word, because not every reader can tell the colours apart."""


class Duel(NamedTuple):
    """A model against another: the verdict, the difference of scores with its interval, and P(the model is better)."""

    model: str
    opponent: str
    standing: Standing
    difference: float
    low: float
    high: float
    wins: float

    def mark(self) -> str:
        """The sign and the word of the verdict."""
        return MARKS[self.standing]

    def numbers(self) -> str:
        """The difference, with its interval if there is one."""
        ends = quantities.interval(self.low, self.high)
        return quantities.difference(self.difference) + (f" ({ends})" if ends else "")

    def probability(self) -> str:
        """P(the model is better), empty if unknown."""
        return f"P = {self.wins:.2f}" if np.isfinite(self.wins) else ""


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
        return Duel(model, opponent, standing, pair.difference, pair.low, pair.high, pair.wins)
    standing = "worse" if pair.verdict == "better" else pair.verdict
    return Duel(model, opponent, standing, -pair.difference, -pair.high, -pair.low, 1 - pair.wins)


def square(certainty: Certainty) -> dict[str, tuple[Duel | None, ...]]:
    """A row per model and a column per opponent, both best mean first; None on the diagonal."""
    models = [one.model for one in certainty.estimates]
    return {
        model: tuple(None if model == opponent else duel(certainty, model, opponent) for opponent in models)
        for model in models
    }


def square_table(certainty: Certainty) -> Table:
    """The square as text."""
    models = [one.model for one in certainty.estimates]
    sign = "negative" if certainty.metric in LOWER_IS_BETTER else "positive"
    return Table(
        caption=f"Each row against each column: the verdict; the difference in {metric_label(certainty.metric)}, row "
        f"minus column ({sign} if the row is better), with its {quantities.share(LEVEL)} interval; and P, the share of "
        "replicates in which the row is better (ties count half).",
        header=("row against column", *models),
        rows=tuple(
            (
                model,
                *("·" if one is None else f"{one.mark()} {one.numbers()} {one.probability()}".strip() for one in row),
            )
            for model, row in square(certainty).items()
        ),
    )
