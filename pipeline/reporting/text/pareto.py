"""The Pareto front of a cost as text."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from pipeline.evaluation.metrics import LOWER_IS_BETTER
from pipeline.reporting.content import Comparison
from pipeline.reporting.costs import Cost
from pipeline.reporting.text import quantities
from pipeline.reporting.text.quantities import listed
from pipeline.statistics.results import Certainty


class Point(NamedTuple):
    """A model with its mean cost and its mean score."""

    model: str
    cost: float
    mean: float


CONCLUSIONS = {
    "better": "is better",
    "same": "is practically the same",
    "open": "is not shown to be better",
}


def front(comparison: Comparison, cost: Cost) -> tuple[Point, ...]:
    """Return the Pareto-optimal models by a cost; models without a finite score or cost are left out."""
    metric = comparison.primary_metric
    points = [
        Point(model.name, model.mean_cost(cost.key), quantities.mean(model.scores[metric]))
        for model in comparison.comparable
    ]
    known = [point for point in points if np.isfinite(point.mean) and np.isfinite(point.cost)]
    return pareto_front(known, lower_is_better=metric in LOWER_IS_BETTER)


def pareto_front(points: Sequence[Point], *, lower_is_better: bool) -> tuple[Point, ...]:
    """Return the Pareto-optimal points, cheapest first: no other point is at least as cheap and as good, but not equal.

    Points are compared by their mean scores, without regard to uncertainty.
    """
    sign = -1 if lower_is_better else 1

    def dominated(point: Point) -> bool:
        return any(
            one.cost <= point.cost
            and sign * one.mean >= sign * point.mean
            and (one.cost, one.mean) != (point.cost, point.mean)
            for one in points
        )

    return tuple(sorted((point for point in points if not dominated(point)), key=lambda point: point.cost))


def front_sentences(fronts: Sequence[tuple[Sequence[Point], Cost]], certainty: Certainty) -> tuple[str, ...]:
    """One item per front; costs by which the same single model is optimal share an item."""
    alone: dict[str, list[str]] = {}
    for points, cost in fronts:
        if len(points) == 1:
            alone.setdefault(points[0].model, []).append(cost.label)
    return (
        *(front_sentence(points, cost, certainty) for points, cost in fronts if len(points) > 1),
        *(_only_sentence(model, labels, certainty) for model, labels in alone.items()),
    )


def _only_sentence(model: str, costs: Sequence[str], certainty: Certainty) -> str:
    """The sentence on a model that is the cheapest and has the best mean."""
    start = f"By {listed(costs)}: {model}."
    others = len(certainty.estimates) - 1
    if others < 1:
        return start
    beaten = sum(pair.verdict == "better" and pair.first == model for pair in certainty.pairs)
    return f"{start} No other model is cheaper or has a better mean. {_beaten(beaten, others)}"


def front_sentence(front: Sequence[Point], cost: Cost, certainty: Certainty) -> str:
    """Name the models on the front, and say for each step to a more expensive one whether it is shown to be better."""
    models = listed([f"{point.model} ({cost.write(point.cost)})" for point in front])
    steps = [
        f"{expensive.model} {_costs(expensive, cheap)} {cheap.model} and "
        f"{CONCLUSIONS[certainty.pair(expensive.model, cheap.model).verdict]}."
        for cheap, expensive in pairwise(front)
    ]
    return " ".join([f"By {cost.label}: {models}.", *steps])


def _beaten(beaten: int, others: int) -> str:
    if not beaten:
        return f"It is not shown to be better than {'the other model' if others == 1 else 'any other model'}."
    if beaten == others:
        return f"It is better than {'the other model' if others == 1 else f'each of the {others} other models'}."
    return f"It is better than {beaten} of the {others} other models."


def _costs(expensive: Point, cheap: Point) -> str:
    if expensive.cost == cheap.cost:
        return "costs as much as"
    if not cheap.cost:
        return "costs more than"
    ratio = expensive.cost / cheap.cost
    return f"costs {ratio:.{0 if ratio >= 10 else 1 if ratio >= 1.1 else 2}f} times as much as"
