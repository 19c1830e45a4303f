"""The search for verdicts: train, look at the verdicts, and plan more replicates where they can decide a pair."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import ceil

from pipeline.console import say
from pipeline.reporting.text.quantities import duration
from pipeline.reporting.text.search import ending, names
from pipeline.statistics.results import Certainty, Pair
from pipeline.statistics.sequential import Plan, decidable, growing, seen


def decide(
    *,
    reproduce: Callable[[], None],
    read_plan: Callable[[], Plan],
    record: Callable[[Plan], None],
    look: Callable[[], Certainty],
    seconds: Callable[[Mapping[str, int]], float],
    minutes: float,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Alternate between training and looking, until no pair can be decided or the time is spent.

    Interrupted anywhere, the next call continues, because the plan is the only state.

    Args:
        reproduce: trains and evaluates the planned replicates and writes the report.
        read_plan: returns the plan, which has a search.
        record: replaces the plan.
        look: returns the present verdicts.
        seconds: estimates the time of training so many more replicates of each model.
        minutes: the time budget of this call. The least number of replicates is trained in any case.
        clock: returns the time in seconds.
    """
    began = clock()
    trained: Mapping[str, int] | None = None
    while True:
        started = clock()
        reproduce()
        plan, certainty = read_plan(), look()
        assert plan.search is not None
        more = growing(plan, certainty, plan.search.schedule)
        # What is no training, such as starting the stages, takes as long in the next step.
        other = max(0.0, clock() - started - seconds(plan.replicates if trained is None else trained))
        spent, next_step = clock() - began, seconds(more) + other
        over_budget = bool(more) and spent + next_step > 60 * minutes
        search = replace(
            plan.search, spent=spent / 60 if over_budget else None, seen=seen(certainty) if over_budget else None
        )
        if not more or over_budget:
            break
        say(_progress(decidable(plan, certainty, search.schedule), len(certainty.pairs), more, next_step))
        trained = more
        record(Plan({model: count + more.get(model, 0) for model, count in plan.replicates.items()}, search))
    if over_budget:
        # If the last call stopped at the same verdicts, this one has trained nothing, and the next would not either.
        again = plan.search.spent is not None and plan.search.seen == search.seen
        say(_over_budget(spent, next_step, minutes, alone=next_step + (spent if again else 0)))
    if search != plan.search:
        record(replace(plan, search=search))
        reproduce()  # Only the report runs: it states why the search ended.
    say(f"Finished: {ending(plan, certainty, search)}")


def _progress(pairs: Sequence[Pair], count: int, more: Mapping[str, int], seconds: float) -> str:
    """What can still be decided, of `count` pairs, and what is trained for it."""
    training = ", ".join(f"{count} of {model}" for model, count in more.items())
    return (
        f"{len(pairs)} of {count} pairs can still be decided: {names(pairs)}. Training more replicates "
        f"({training}); next look in about {duration(seconds)}."
    )


def _over_budget(spent: float, next_step: float, minutes: float, *, alone: float) -> str:
    """Why no further training starts, and what to do. `alone` are the seconds of a call that trains only this step."""
    if alone > 60 * minutes:
        return (
            f"The next step would take about {duration(next_step)}, which does not fit in the budget of "
            f"{duration(60 * minutes)} even if a call trains nothing else. To continue, set `auto.minutes` in "
            f"conf/comparison.yaml to at least {ceil(alone / 60) + 1} and run `convtrack decide` again."
        )
    return (
        f"{duration(spent)} of {duration(60 * minutes)} are used, and the next step would take about "
        f"{duration(next_step)}: no further training starts. To continue, run `convtrack decide` again, which has the "
        "whole budget, or raise `auto.minutes` in conf/comparison.yaml."
    )
