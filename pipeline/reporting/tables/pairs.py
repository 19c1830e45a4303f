"""Every model against every other: what is known of each pair, as a square, and the ties among all of them."""

from string import ascii_lowercase
from typing import Literal, NamedTuple

import numpy as np

from pipeline.evaluation.metrics import LOWER_IS_BETTER
from pipeline.reporting.content import metric_label
from pipeline.reporting.tables.text_table import Table
from pipeline.reporting.text import quantities
from pipeline.statistics.results import LEVEL, Certainty

Standing = Literal["better", "worse", "same", "open"]

MARKS: dict[Standing, str] = {"better": "▲", "worse": "▼", "same": "=", "open": "?"}
"""A sign for each, since colours alone tell some readers nothing."""


class Standoff(NamedTuple):
    """How a model stands against another: its score minus the other's with interval, and P(it is the better one)."""

    model: str
    other: str
    standing: Standing
    difference: float
    low: float
    high: float
    wins: float

    def mark(self) -> str:
        """The sign and the word of the standing."""
        return f"{MARKS[self.standing]} {self.standing}"

    def numbers(self) -> str:
        """The difference with its interval where there is one."""
        ends = quantities.interval(self.low, self.high)
        return quantities.difference(self.difference) + (f" ({ends})" if ends else "")

    def chances(self) -> str:
        """P(it is the better one), empty where unknown."""
        return f"P = {self.wins:.2f}" if np.isfinite(self.wins) else ""


def tie_letters(certainty: Certainty) -> dict[str, str]:
    """The letters of each model: two share one where neither is better (compact letter display, Piepho 2004)."""
    letters = list(ascii_lowercase) + [one + two for one in ascii_lowercase for two in ascii_lowercase]
    held = dict(zip(certainty.ties, letters, strict=False))
    return {
        one.model: " ".join(letter for tie, letter in held.items() if one.model in tie) for one in certainty.estimates
    }


def standoff(certainty: Certainty, model: str, other: str) -> Standoff:
    """How the one model stands against the other."""
    pair = certainty.pair(model, other)
    if pair.first == model:
        standing: Standing = pair.verdict
        return Standoff(model, other, standing, pair.difference, pair.low, pair.high, pair.wins)
    standing = "worse" if pair.verdict == "better" else pair.verdict
    return Standoff(model, other, standing, -pair.difference, -pair.high, -pair.low, 1 - pair.wins)


def square(certainty: Certainty) -> dict[str, tuple[Standoff | None, ...]]:
    """A row per model with how it stands against each, None against itself; best mean first in both directions."""
    models = [one.model for one in certainty.estimates]
    return {
        model: tuple(None if model == other else standoff(certainty, model, other) for other in models)
        for model in models
    }


def square_table(certainty: Certainty) -> Table:
    """The same as text."""
    models = [one.model for one in certainty.estimates]
    direction = "below zero: the row is better" if certainty.metric in LOWER_IS_BETTER else "above zero: it is higher"
    return Table(
        caption=f"Each row against each column: whether it is better, by how much in {metric_label(certainty.metric)} "
        f"(row − column, {direction}; {quantities.share(LEVEL)} interval in brackets), and P, the share of replicates "
        "in which it is the better one, ties counting half.",
        header=("row against column", *models),
        rows=tuple(
            (model, *("·" if one is None else f"{one.mark()} {one.numbers()} {one.chances()}".strip() for one in row))
            for model, row in square(certainty).items()
        ),
    )
