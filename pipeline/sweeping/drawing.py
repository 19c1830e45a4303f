"""A sweep as one page and as a table: the best trials, and what Optuna draws of all of them.

The page needs nothing but itself: Plotly's script is part of it, once.
"""

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import optuna
import pandas as pd
import plotly.graph_objects
import plotly.io
import plotly.offline
from markupsafe import Markup
from optuna import visualization
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from pipeline.reporting.sweep import reached
from pipeline.reporting.tables.text_table import Table
from pipeline.reporting.templates.rendering import template
from pipeline.reporting.text.quantities import duration
from pipeline.sweeping.study import REASON
from pipeline.sweeping.telling import WORDS, best_of

SHOWN = 15
"""Trials in the page's table."""
FEW = 30
"""Complete trials below which importances are called a guess."""
CONFIG = {"displaylogo": False, "responsive": True}


class Drawing(NamedTuple):
    """A figure with the heading and the sentence above it."""

    name: str
    title: str
    sentence: str
    figure: plotly.graph_objects.Figure


def trials_table(study: optuna.Study, objectives: Sequence[str]) -> pd.DataFrame:
    """A row per trial, by number: its state and values, what it chose, and what it took.

    `seconds` are from its start to its end, `reused` counts replicates that were answered from the store, `memory_mib`
    is the most that its process ever took, in MiB. A parameter that a trial does not have is missing there.
    """
    trials = study.get_trials(deepcopy=False)
    chosen = dict.fromkeys(name for trial in trials for name in trial.params)
    rows = []
    for trial in trials:
        values = trial.values or [None] * len(objectives)
        rows.append(
            {
                "number": trial.number,
                "state": _state(trial),
                **dict(zip(objectives, values, strict=True)),
                **{name: trial.params.get(name) for name in chosen},
                "seconds": trial.duration.total_seconds() if trial.duration else None,
                "reused": trial.user_attrs.get("reused"),
                "memory_mib": trial.user_attrs.get("memory_mib"),
                "reason": trial.user_attrs.get(REASON),
            }
        )
    columns = ["number", "state", *objectives, *chosen, "seconds", "reused", "memory_mib", "reason"]
    table = pd.DataFrame(rows, columns=columns)
    for name in [*chosen, "reused", "memory_mib"]:
        if all(isinstance(row[name], int | None) for row in rows):
            # Otherwise a trial without the setting would make 20 of all others 20.0.
            table[name] = table[name].astype("Int64")
    return table


def sweep_page(study: optuna.Study, objectives: Sequence[str]) -> str:
    """The page, as HTML: the best trials first, then every figure that the trials so far give sense to."""
    trials = study.get_trials(deepcopy=False)
    counts = {word: sum(_state(trial) == word for trial in trials) for word in dict.fromkeys(map(_state, trials))}
    with warnings.catch_warnings():
        # Optuna warns of functions that may change, and of few trials, which the page says itself.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        warnings.simplefilter("ignore", UserWarning)
        drawings = list(_drawings(_named(study, objectives), objectives))
    return template("sweep.html.j2", autoescape=True).render(
        name=study.study_name,
        counts=counts,
        best=_best_table(study, objectives),
        reasons=[
            (trial.number, trial.user_attrs.get(REASON, "unknown")) for trial in trials if _state(trial) == "failed"
        ],
        drawings=[(drawing, _markup(drawing)) for drawing in drawings],
        script=Markup(plotly.offline.get_plotlyjs()) if drawings else "",
    )


def _state(trial: FrozenTrial) -> str:
    return WORDS.get(trial.state, trial.state.name.lower())


def _named(study: optuna.Study, objectives: Sequence[str]) -> optuna.Study:
    """A copy in memory whose objectives have names, which is also quicker to ask again and again."""
    copy = optuna.create_study(directions=study.directions, study_name=study.study_name)
    copy.add_trials(study.get_trials(deepcopy=False))
    copy.set_metric_names(list(objectives))
    return copy


def _best_table(study: optuna.Study, objectives: Sequence[str]) -> Table:
    """The complete trials, the best first: of several objectives the Pareto front, then all others by the first one."""
    sign = 1 if study.directions[0] == StudyDirection.MINIMIZE else -1
    complete = study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])
    front = {trial.number for trial in best_of(study, complete)}
    ordered = sorted(complete, key=lambda trial: (trial.number not in front, sign * trial.values[0], trial.number))
    chosen = tuple(dict.fromkeys(name for trial in ordered[:SHOWN] for name in trial.params))
    rows = tuple(
        (
            f"{trial.number} ★" if trial.number in front else str(trial.number),
            *map(reached, trial.values),
            *(_written(trial.params[name]) if name in trial.params else "–" for name in chosen),
            duration(trial.duration.total_seconds()) if trial.duration else "–",
        )
        for trial in ordered[:SHOWN]
    )
    star = "the best" if len(objectives) == 1 else "not beaten in all objectives at once"
    return Table(
        caption=f"The best {len(rows)} of {len(complete)} complete trials. ★ marks what is {star}.",
        header=("trial", *objectives, *chosen, "time"),
        rows=rows,
    )


def _drawings(study: optuna.Study, objectives: Sequence[str]) -> Iterator[Drawing]:
    trials = study.get_trials(deepcopy=False)
    complete = [
        trial for trial in trials if trial.state == TrialState.COMPLETE and all(map(math.isfinite, trial.values))
    ]
    several = len(objectives) > 1
    if complete and several:
        yield from _fronts(study, objectives)
    for place, objective in enumerate(objectives):
        target, of = (_value(place), f" of {objective}") if several else (None, "")
        suffix = f"-{place}" if several else ""
        if complete:
            yield Drawing(
                f"history{suffix}",
                f"Progress{of}",
                "Each complete trial, in the order in which they were begun"
                + (", and the best value so far." if not several else "."),
                visualization.plot_optimization_history(study, target=target, target_name=objective),
            )
        values = [trial.values[place] for trial in complete]
        varied = {name for name in _chosen(complete) if len(_variants(complete, name)) > 1}
        if varied and len(set(values)) > 1:
            # Optuna takes what a function returns to be the better the smaller.
            sign = 1.0 if study.directions[place] == StudyDirection.MINIMIZE else -1.0
            signed = _value(place, sign) if several else None
            guess = f" From {len(complete)} trials this is a guess." if len(complete) < FEW else ""
            yield Drawing(
                f"importances{suffix}",
                f"What matters{' for ' + objective if several else ''}",
                f"How much each setting decides whether a trial is among the best tenth (PED-ANOVA).{guess}",
                visualization.plot_param_importances(study, target=signed, target_name=objective),
            )
    if len(complete) > 1 and _chosen(complete):
        yield Drawing(
            "parallel",
            "All trials",
            "A line per complete trial, from its value to what it chose. None marks a setting that it does not have.",
            visualization.plot_parallel_coordinate(study, target_name=objectives[0]),
        )
    for place, objective in enumerate(objectives):
        if complete and _chosen(complete):
            yield Drawing(
                f"slices-{place}" if several else "slices",
                f"One setting at a time{', ' + objective if several else ''}",
                "Each complete trial by what it chose; darker ones came later.",
                visualization.plot_slice(study, target=_value(place) if several else None, target_name=objective),
            )
    if any(len(trial.intermediate_values) > 1 for trial in trials):
        yield Drawing(
            "curves",
            "While they trained",
            f"What each trial had reached after each step, {objectives[0]}; pruned ones stop early.",
            visualization.plot_intermediate_values(study),
        )
    if any(trial.datetime_start for trial in trials):
        yield Drawing("timeline", "When they ran", "Gaps are idle workers.", visualization.plot_timeline(study))


def _fronts(study: optuna.Study, objectives: Sequence[str]) -> Iterator[Drawing]:
    """The Pareto front; of more than two objectives, the first against each of the others."""
    for place in range(1, len(objectives)):
        names = [objectives[0], objectives[place]]
        yield Drawing(
            f"front-{place}",
            f"{names[1]} against {names[0]}",
            "Those in red are beaten by no other in all objectives at once.",
            visualization.plot_pareto_front(
                study,
                target_names=names,
                targets=_pair(place) if len(objectives) > 2 else None,
            ),
        )


def _value(place: int, sign: float = 1.0) -> Callable[[FrozenTrial], float]:
    def value(trial: FrozenTrial) -> float:
        return sign * float(trial.values[place])

    return value


def _pair(place: int) -> Callable[[FrozenTrial], Sequence[float]]:
    def pair(trial: FrozenTrial) -> Sequence[float]:
        return trial.values[0], trial.values[place]

    return pair


def _chosen(trials: Sequence[FrozenTrial]) -> dict[str, None]:
    return dict.fromkeys(name for trial in trials for name in trial.params)


def _variants(trials: Sequence[FrozenTrial], name: str) -> set[Any]:
    return {trial.params.get(name) for trial in trials}


def _written(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _markup(drawing: Drawing) -> Markup:
    figure = drawing.figure
    figure.update_layout(title=None, template="plotly_white", margin={"l": 60, "r": 30, "t": 30, "b": 60})
    text: str = plotly.io.to_html(figure, config=CONFIG, include_plotlyjs=False, full_html=False, div_id=drawing.name)
    return Markup(text)
