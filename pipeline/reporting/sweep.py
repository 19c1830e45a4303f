"""What is told of a sweep: how many trials ended how, the best of them, and what to do next."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pipeline.reporting.tables.settings import UNSET, written
from pipeline.reporting.tables.text_table import Table, markdown

ENDINGS = ("complete", "pruned", "failed")
SHOWN = 10
"""Trials in a description, of which a Pareto front may have many."""


class BestTrial(NamedTuple):
    """A trial that no other one beats: its number, its value of each objective, and what it chose."""

    number: int
    values: Mapping[str, float]
    parameters: Mapping[str, Any]


def reached(value: float) -> str:
    """The value of an objective: four digits, or a whole number where it is large.

    >>> [reached(value) for value in (0.0312345, 61706.0, 5.0)]
    ['0.03123', '61,706', '5']
    """
    return f"{value:.4g}" if abs(value) < 10_000 else f"{value:,.0f}"


def description(name: str, metrics: Mapping[str, float], best: Sequence[BestTrial]) -> str:
    """A sweep's run in Markdown: what came of it, the best trials with what they chose, and the next command.

    >>> print(description("small", {"complete": 3, "pruned": 1, "failed": 0}, [BestTrial(2, {"loss": 0.25}, {"a": 1})]))
    Trials: 3 complete, 1 pruned, 0 failed.
    <BLANKLINE>
    Best trial:
    <BLANKLINE>
    | trial   |   loss |   a |
    |:--------|-------:|----:|
    | 2       |   0.25 |   1 |
    <BLANKLINE>
    To compare it with other models: `convtrack adopt small`
    """
    counts = {state: int(metrics.get(state, 0)) for state in ENDINGS}
    said = [f"Trials: {counts['complete']} complete, {counts['pruned']} pruned, {counts['failed']} failed."]
    if not best:
        return said[0]
    objectives = tuple(best[0].values)
    chosen = tuple(dict.fromkeys(key for trial in best[:SHOWN] for key in trial.parameters))
    rows = [
        (
            str(trial.number),
            *(reached(trial.values[objective]) for objective in objectives),
            *(written(trial.parameters.get(key, UNSET)) for key in chosen),
        )
        for trial in best[:SHOWN]
    ]
    several = len(objectives) > 1
    caption = "Not beaten in all objectives at once:" if several else "Best trial:"
    said.append(markdown(Table(caption, ("trial", *objectives, *chosen), tuple(rows))))
    if len(best) > SHOWN:
        said.append(f"{len(best) - SHOWN} more stand in sweep/trials.csv.")
    which = " --trial NUMBER" if several else ""
    said.append(f"To compare it with other models: `convtrack adopt {name}{which}`")
    return "\n\n".join(said)
