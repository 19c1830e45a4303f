"""The Pareto front of a cost as text."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol

from pipeline.reporting.costs import Cost
from pipeline.reporting.text.quantities import listed
from pipeline.statistics.results import Certainty


class Point(Protocol):
    """A model on the front and its cost."""

    @property
    def model(self) -> str:
        """The name of the model."""

    @property
    def cost(self) -> float:
        """Its mean cost."""


CONCLUSIONS = {
    "better": "is better",
    "same": "is practically the same",
    "open": "is not shown to be better",
}


def front_sentence(front: Sequence[Point], cost: Cost, certainty: Certainty) -> str:
    """Name the models on the front, and say for each step to a more expensive one whether it is shown to be better."""
    start = f"By {cost.label}:"
    if len(front) == 1:
        (only,) = front
        alone = f"{start} {only.model} ({cost.write(only.cost)})"
        others = len(certainty.estimates) - 1
        if others < 1:
            return f"{alone}."
        beaten = sum(pair.verdict == "better" and pair.first == only.model for pair in certainty.pairs)
        return f"{alone}. No other model is cheaper or has a better mean. {_beaten(beaten, others)}"
    models = listed([f"{point.model} ({cost.write(point.cost)})" for point in front])
    steps = [
        f"{expensive.model} costs {_ratio(expensive.cost / cheap.cost)} times as much as {cheap.model} and "
        f"{CONCLUSIONS[certainty.pair(expensive.model, cheap.model).verdict]}."
        for cheap, expensive in pairwise(front)
    ]
    return " ".join([f"{start} {models}.", *steps])


def _beaten(beaten: int, others: int) -> str:
    if not beaten:
        return f"It is not shown to be better than {'the other model' if others == 1 else 'any other model'}."
    if beaten == others:
        return f"It is better than {'the other model' if others == 1 else f'each of the {others} other models'}."
    return f"It is better than {beaten} of the {others} other models."


def _ratio(ratio: float) -> str:
    return f"{ratio:.{0 if ratio >= 10 else 1 if ratio >= 1.1 else 2}f}"
