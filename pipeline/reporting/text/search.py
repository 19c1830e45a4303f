"""Sentences about the search for verdicts with `replicates: auto`, for the console and the report."""

from collections.abc import Sequence

from pipeline.config.schedule import MOST_LOOKS, Schedule
from pipeline.counts import number_of
from pipeline.reporting.text.quantities import duration, listed, share
from pipeline.statistics.inference import fewest_replicates
from pipeline.statistics.results import LEVEL, Certainty, Pair, level_of_one_look
from pipeline.statistics.sequential import Plan, Search, decidable, outcome, undecided

MOST_NAMES = 4
"""Pairs that a sentence names."""


def ending(plan: Plan, certainty: Certainty, search: Search) -> str:
    """Why the search ended, in one or two sentences."""
    reason = outcome(plan, certainty, search)
    if reason == "decided":
        if any(pair.verdict == "open" for pair in certainty.pairs):
            return "Every pair of models has a verdict, except pairs of baselines."
        return "Every pair of models has a verdict." if certainty.pairs else "There is no pair of models to compare."
    left = names(undecided(plan, certainty))
    if reason == "undecidable":
        return f"More replicates would not decide the remaining pairs: {left}."
    if reason == "hopeless":
        return (
            f"The remaining pairs are unlikely to get a verdict within the greatest number of replicates, "
            f"{search.schedule.greatest}: {left}."
        )
    if reason == "greatest":
        return f"The greatest number of replicates, {search.schedule.greatest}, is reached. Undecided: {left}."
    open_ = names(decidable(plan, certainty, search.schedule))
    if reason == "unfinished" or search.spent is None:
        return f"The search is not finished: `convtrack decide` continues it. Open: {open_}."
    return f"The time budget ended the search after {duration(60 * search.spent)}. More replicates can decide: {open_}."


def looks_taken(schedule: Schedule) -> str:
    """When the search looks at the verdicts, and how that keeps the error rate, as sentences."""
    if schedule.looks == 1:
        return f"The verdicts were computed once, after {schedule.least} replicates of each model."
    level = share(1 - LEVEL)
    return (
        f"Each model got as many replicates as its verdicts needed: at least {schedule.least} and at most "
        f"{schedule.greatest}, in steps of {schedule.step}. At most {schedule.looks} looks at the verdicts were "
        f"planned. Each look uses the significance level {level} / {schedule.looks}, so that all looks together keep "
        f"{level} (Bonferroni)."
    )


def restarted(before: Schedule, now: Schedule) -> str:
    """What a changed schedule means for a search that has begun, in sentences."""
    return (
        f"The schedule of the search changed from {_in_words(before)} to {_in_words(now)}: the search starts again at "
        f"{now.least} replicates of each model, and finished trainings are reused. The error rate holds for each "
        "search alone."
    )


def _in_words(schedule: Schedule) -> str:
    return f"{schedule.least}–{schedule.greatest} replicates in steps of {schedule.step}"


def cannot_be_better(schedule: Schedule, *, models: int, strategy: str) -> str | None:
    """A warning if the search cannot call any of these models and baselines better; None if it can.

    With folds, the number of groups of test images limits the test, not that of replicates.
    """
    pairs = models * (models - 1) // 2
    fewest = fewest_replicates(pairs, level=1 - level_of_one_look(schedule.looks))
    if strategy == "kfold" or schedule.greatest >= fewest:
        return None
    needed = fewest_replicates(pairs, level=1 - level_of_one_look(MOST_LOOKS))
    return (
        f"Warning: with {number_of(schedule.looks, 'look')} at {number_of(pairs, 'pair')}, no model can be called "
        f"better with fewer than {fewest} replicates. `auto.greatest` is {schedule.greatest}: raise it to at least "
        f"{needed}."
    )


def names(pairs: Sequence[Pair]) -> str:
    """The pairs by the names of their models; of more than `MOST_NAMES`, only the first and the number of the rest."""
    shown = [f"{pair.first} – {pair.second}" for pair in pairs[:MOST_NAMES]]
    return listed(shown if len(pairs) <= MOST_NAMES else [*shown, f"{len(pairs) - MOST_NAMES} more"])
