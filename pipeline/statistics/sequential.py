"""Repeated looks at a growing comparison: which models need more replicates, and why the search ends."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pipeline.config.schedule import Schedule
from pipeline.statistics.results import Certainty, Pair

Outcome = Literal["decided", "undecidable", "greatest", "budget", "unfinished"]


@dataclass(frozen=True)
class Search:
    """The state of a comparison with `replicates: auto`.

    Attributes:
        schedule: when to look at the verdicts.
        images: digest of the images and settings of the split. The search starts again if they change.
        spent: minutes after which the budget ended the search; None if it did not.
    """

    schedule: Schedule
    images: Mapping[str, Any]
    spent: float | None = None


@dataclass(frozen=True)
class Plan:
    """The number of replicates of each model, and the search that found it; None for a fixed number."""

    replicates: Mapping[str, int]
    search: Search | None = None

    def of_pair(self, pair: Pair) -> int:
        """The number of replicates by which a pair is compared; baselines have every replicate of the others."""
        return min(self.replicates[model] for model in (pair.first, pair.second) if model in self.replicates)


def undecided(certainty: Certainty) -> tuple[Pair, ...]:
    """The pairs without a verdict."""
    return tuple(pair for pair in certainty.pairs if pair.verdict == "open")


def decidable(certainty: Certainty) -> tuple[Pair, ...]:
    """The pairs without a verdict that further replicates can decide."""
    return tuple(pair for pair in undecided(certainty) if pair.needed is not None)


def growing(plan: Plan, certainty: Certainty, schedule: Schedule) -> dict[str, int]:
    """How many more replicates each model gets before the next look; empty if there is none.

    Only models in a pair that further replicates can decide get more. If one of them is ahead, the other catches up.
    """
    wanted = dict(plan.replicates)
    for pair in decidable(certainty):
        for model in {pair.first, pair.second} & plan.replicates.keys():
            wanted[model] = max(wanted[model], schedule.after(plan.of_pair(pair)))
    return {model: count - plan.replicates[model] for model, count in wanted.items() if count > plan.replicates[model]}


def outcome(plan: Plan, certainty: Certainty, search: Search) -> Outcome:
    """Why the search for verdicts ended, or `unfinished` if it can continue."""
    if not undecided(certainty):
        return "decided"
    if not decidable(certainty):
        return "undecidable"
    if not growing(plan, certainty, search.schedule):
        return "greatest"
    return "unfinished" if search.spent is None else "budget"
