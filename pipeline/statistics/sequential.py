"""Repeated looks at a growing comparison: which models need more replicates, and why the search ends."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pipeline.config.schedule import Schedule
from pipeline.statistics.results import Certainty, Pair

Outcome = Literal["decided", "undecidable", "hopeless", "greatest", "budget", "unfinished"]

TOLERANCE = 2
"""A pair is given up if it needs more than this multiple of the greatest number of replicates.

The estimate of `needed_replicates` is for a probability of 80 %. With half of that number, it is about 50 %.
"""


@dataclass(frozen=True)
class Search:
    """The state of a comparison with `replicates: auto`.

    Attributes:
        schedule: when to look at the verdicts.
        images: digest of the images and settings of the split. The search starts again if they change.
        spent: minutes after which the budget ended the search; None if it did not.
        seen: what the last look saw when the budget ended the search (`seen`). The end does not hold for other scores.
    """

    schedule: Schedule
    images: Mapping[str, Any]
    spent: float | None = None
    seen: str | None = None


@dataclass(frozen=True)
class Plan:
    """The number of replicates of each model, and the search that found it; None for a fixed number."""

    replicates: Mapping[str, int]
    search: Search | None = None

    def of_pair(self, pair: Pair) -> int:
        """The number of replicates by which a pair is compared; baselines have every replicate of the others."""
        return min(self.replicates[model] for model in (pair.first, pair.second) if model in self.replicates)


def seen(certainty: Certainty) -> str:
    """What a look sees, as text: metric, margin and the mean of each model."""
    means = (f"{one.model}={one.mean:.6f}" for one in certainty.estimates)
    return " ".join((f"{certainty.metric} {certainty.margin:g}", *means))


def undecided(plan: Plan, certainty: Certainty) -> tuple[Pair, ...]:
    """The pairs without a verdict, but for pairs of baselines, which get no replicates of their own."""
    return tuple(
        pair
        for pair in certainty.pairs
        if pair.verdict == "open" and {pair.first, pair.second} & plan.replicates.keys()
    )


def decidable(plan: Plan, certainty: Certainty, schedule: Schedule) -> tuple[Pair, ...]:
    """The pairs without a verdict that the greatest number of replicates can decide, with a `TOLERANCE`."""
    return tuple(
        pair
        for pair in undecided(plan, certainty)
        if pair.needed is not None and pair.needed <= TOLERANCE * schedule.greatest
    )


def growing(plan: Plan, certainty: Certainty, schedule: Schedule) -> dict[str, int]:
    """How many more replicates each model gets before the next look; empty if there is none.

    Only models in a pair that further replicates can decide get more. If one of them is ahead, the other catches up.
    """
    wanted = dict(plan.replicates)
    for pair in decidable(plan, certainty, schedule):
        for model in {pair.first, pair.second} & plan.replicates.keys():
            wanted[model] = max(wanted[model], schedule.after(plan.of_pair(pair)))
    return {model: count - plan.replicates[model] for model, count in wanted.items() if count > plan.replicates[model]}


def outcome(plan: Plan, certainty: Certainty, search: Search) -> Outcome:
    """Why the search for verdicts ended, or `unfinished` if it can continue."""
    left = undecided(plan, certainty)
    if not left:
        return "decided"
    if not decidable(plan, certainty, search.schedule):
        return "undecidable" if all(pair.needed is None for pair in left) else "hopeless"
    if not growing(plan, certainty, search.schedule):
        return "greatest"
    return "budget" if search.spent is not None and search.seen == seen(certainty) else "unfinished"
