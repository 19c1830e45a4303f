"""The description of a sweep's run in Markdown: trials by state, the best trials, and the next command."""

from collections.abc import Mapping, Sequence
from shlex import quote
from typing import Any, NamedTuple

from pipeline.reporting.tables.settings import UNSET, written
from pipeline.reporting.tables.text_table import Table, code, markdown

FINISHED_STATES = ("complete", "pruned", "failed")
SHOWN = 10
"""The most trials in a description; a Pareto front may have more."""


class BestTrial(NamedTuple):
    """A trial that no other trial dominates: its number, its value of each objective, and its parameters."""

    number: int
    values: Mapping[str, float]
    parameters: Mapping[str, Any]


def objective_text(value: float) -> str:
    """The value of an objective: four digits, or a whole number if it is large.

    >>> [objective_text(value) for value in (0.0312345, 61706.0, 5.0)]
    ['0.03123', '61,706', '5']
    """
    return f"{value:.4g}" if abs(value) < 10_000 else f"{value:,.0f}"


def description(name: str, metrics: Mapping[str, float], best: Sequence[BestTrial]) -> str:
    """The description of the sweep `name`; `metrics` holds the number of trials in each finished state.

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
    counts = {state: int(metrics.get(state, 0)) for state in FINISHED_STATES}
    paragraphs = [f"Trials: {counts['complete']} complete, {counts['pruned']} pruned, {counts['failed']} failed."]
    if not best:
        return paragraphs[0]
    objectives = tuple(best[0].values)
    parameters = tuple(dict.fromkeys(key for trial in best[:SHOWN] for key in trial.parameters))
    rows = [
        (
            str(trial.number),
            *(objective_text(trial.values[objective]) for objective in objectives),
            *(written(trial.parameters.get(key, UNSET)) for key in parameters),
        )
        for trial in best[:SHOWN]
    ]
    several = len(objectives) > 1
    caption = "Pareto-optimal trials:" if several else "Best trial:"
    paragraphs.append(markdown(Table(caption, ("trial", *objectives, *parameters), tuple(rows))))
    if len(best) > SHOWN:
        paragraphs.append(f"The other {len(best) - SHOWN} are in sweep/trials.csv.")
    which = " --trial NUMBER" if several else ""
    command = f"convtrack adopt {quote(name)}{which}"
    paragraphs.append(f"To compare it with other models: {code(command)}")
    return "\n\n".join(paragraphs)
