"""The Pareto front of a cost as text."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from pipeline.evaluation.metrics import LOWER_IS_BETTER
from pipeline.reporting.content import Comparison
from pipeline.reporting.costs import DECISIVE, Cost
from pipeline.reporting.text import quantities
from pipeline.reporting.text.quantities import listed
from pipeline.statistics.results import Certainty


class Point(NamedTuple):
    """A model with its mean cost and its mean score."""

    model: str
    cost: float
    mean: float


CONCLUSIONS = {
    "better": "is better than",
    "same": "is practically the same as",
    "open": "is not shown to be better than",
}


def front(comparison: Comparison, cost: Cost) -> tuple[Point, ...]:
    """Return the Pareto-optimal networks by a cost; networks without a finite score or cost are left out.

    There is no front if the cost of a network is only a lower bound.
    """
    metric = comparison.primary_metric
    if cost is DECISIVE and any(model.uncounted for model in comparison.comparable):
        return ()
    points = [
        Point(model.name, model.mean_cost(cost.key), quantities.mean(model.scores[metric]))
        for model in comparison.comparable
        if model.baseline is None
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
    """One item per front; costs with the same models on their fronts share an item."""
    costs: dict[tuple[str, ...], list[str]] = {}
    for points, cost in fronts:
        costs.setdefault(tuple(point.model for point in points), []).append(cost.label)
    return tuple(front_sentence(models, labels, certainty) for models, labels in costs.items())


def front_sentence(models: Sequence[str], costs: Sequence[str], certainty: Certainty) -> str:
    """Name the models on the front of these costs, cheapest first, and what each step to a more expensive one gains."""
    start = f"By {listed(costs)}: {listed(models)}."
    if len(models) > 1:
        steps = (
            f"{expensive} {CONCLUSIONS[certainty.pair(expensive, cheap).verdict]} {cheap}"
            for cheap, expensive in pairwise(models)
        )
        return f"{start} {'; '.join(steps)}."
    others = len(certainty.estimates) - 1
    if others < 1:
        return start
    beaten = sum(pair.verdict == "better" and pair.first == models[0] for pair in certainty.pairs)
    return f"{start} No other network is cheaper or has a better mean. {_beaten(beaten, others)}"


def _beaten(beaten: int, others: int) -> str:
    if not beaten:
        return f"It is not shown to be better than {'the other model' if others == 1 else 'any other model'}."
    if beaten == others:
        return f"It is better than {'the other model' if others == 1 else f'each of the {others} other models'}."
    return f"It is better than {beaten} of the {others} other models."
