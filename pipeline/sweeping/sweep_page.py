"""The HTML page of a sweep, with Optuna's figures, and its table of trials.

The page is self-contained: it includes Plotly's script once.
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

from pipeline.reporting.sweep_description import objective_text
from pipeline.reporting.tables.text_table import Table
from pipeline.reporting.templates.rendering import template
from pipeline.reporting.text.quantities import duration
from pipeline.sweeping.study import MEMORY, REASON, REUSED, trials_of
from pipeline.sweeping.summary import STATE_NAMES, best_of

SHOWN = 15
"""The most trials in the page's table."""
FEW = 30
"""With fewer complete trials the page calls parameter importances uncertain."""
PLOTLY_CONFIG = {"displaylogo": False, "responsive": True}


class PageFigure(NamedTuple):
    """A figure with its heading and the sentence above it; `name` is its HTML id."""

    name: str
    title: str
    sentence: str
    figure: plotly.graph_objects.Figure


def trials_table(study: optuna.Study, objectives: Sequence[str]) -> pd.DataFrame:
    """One row per trial, by number: state, values, parameters and costs.

    `seconds` runs from start to end, `reused` counts replicates that were trained before, and `memory_mib` is the peak
    memory of the process in MiB. A parameter that a trial does not have is missing.
    """
    trials = trials_of(study)
    parameters = _parameter_names(trials)
    rows = []
    for trial in trials:
        values = trial.values or [None] * len(objectives)
        rows.append(
            {
                "number": trial.number,
                "state": STATE_NAMES[trial.state],
                **dict(zip(objectives, values, strict=True)),
                **{name: trial.params.get(name) for name in parameters},
                "seconds": trial.duration.total_seconds() if trial.duration else None,
                "reused": trial.user_attrs.get(REUSED),
                "memory_mib": trial.user_attrs.get(MEMORY),
                "reason": trial.user_attrs.get(REASON),
            }
        )
    columns = ["number", "state", *objectives, *parameters, "seconds", "reused", "memory_mib", "reason"]
    table = pd.DataFrame(rows, columns=columns)
    for name in [*parameters, "reused", "memory_mib"]:
        if all(isinstance(row[name], int | None) for row in rows):
            # A missing value would otherwise turn all integers of the column into floats.
            table[name] = table[name].astype("Int64")
    return table


def sweep_page(study: optuna.Study, objectives: Sequence[str]) -> str:
    """The page as HTML: the best trials, and every figure that the finished trials allow."""
    trials = trials_of(study)
    states = [STATE_NAMES[trial.state] for trial in trials]
    with warnings.catch_warnings():
        # Optuna warns about experimental functions, and about too few trials, which the page mentions itself.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        warnings.simplefilter("ignore", UserWarning)
        figures = list(_figures(_with_metric_names(study, objectives), objectives))
    return template("sweep.html.j2", autoescape=True).render(
        name=study.study_name,
        counts={state: states.count(state) for state in dict.fromkeys(states)},
        best=_best_table(study, objectives),
        reasons=[
            (trial.number, trial.user_attrs.get(REASON, "unknown"))
            for trial in trials
            if trial.state == TrialState.FAIL
        ],
        figures=[(figure, _html(figure)) for figure in figures],
        script=Markup(plotly.offline.get_plotlyjs()) if figures else "",
    )


def _with_metric_names(study: optuna.Study, objectives: Sequence[str]) -> optuna.Study:
    """A copy in memory whose objectives have names. Plots also read it faster than the database."""
    copy = optuna.create_study(directions=study.directions, study_name=study.study_name)
    copy.add_trials(trials_of(study))
    copy.set_metric_names(list(objectives))
    return copy


def _best_table(study: optuna.Study, objectives: Sequence[str]) -> Table:
    """The complete trials by the first objective, best first; a Pareto front comes before all others."""
    sign = 1 if study.directions[0] == StudyDirection.MINIMIZE else -1
    complete = trials_of(study, TrialState.COMPLETE)
    front = {trial.number for trial in best_of(study, complete)}
    ordered = sorted(complete, key=lambda trial: (trial.number not in front, sign * trial.values[0], trial.number))
    parameters = _parameter_names(ordered[:SHOWN])
    rows = tuple(
        (
            f"{trial.number} ★" if trial.number in front else str(trial.number),
            *map(objective_text, trial.values),
            *(_parameter_text(trial.params[name]) if name in trial.params else "–" for name in parameters),
            duration(trial.duration.total_seconds()) if trial.duration else "–",
        )
        for trial in ordered[:SHOWN]
    )
    star = "the best trial" if len(objectives) == 1 else "Pareto-optimal trials"
    return Table(
        caption=f"The best {len(rows)} of {len(complete)} complete trials. ★ marks {star}.",
        header=("trial", *objectives, *parameters, "time"),
        rows=rows,
    )


def _figures(study: optuna.Study, objectives: Sequence[str]) -> Iterator[PageFigure]:
    trials = trials_of(study)
    complete = [
        trial for trial in trials if trial.state == TrialState.COMPLETE and all(map(math.isfinite, trial.values))
    ]
    if complete and len(objectives) > 1:
        yield from _front_figures(study, objectives)
    for place, _ in enumerate(objectives):
        if complete:
            yield _history_figure(study, objectives, place)
        values = [trial.values[place] for trial in complete]
        varied = {name for name in _parameter_names(complete) if len(_values_of(complete, name)) > 1}
        if varied and len(set(values)) > 1:
            yield _importance_figure(study, objectives, place, len(complete))
    if len(complete) > 1 and _parameter_names(complete):
        yield PageFigure(
            "parallel",
            "All trials",
            "One line per complete trial, from its value through its parameters. None marks a parameter that the trial "
            "does not have.",
            visualization.plot_parallel_coordinate(study, target_name=objectives[0]),
        )
    if complete and _parameter_names(complete):
        for place, _ in enumerate(objectives):
            yield _slice_figure(study, objectives, place)
    if any(len(trial.intermediate_values) > 1 for trial in trials):
        yield PageFigure(
            "curves",
            "Intermediate values",
            f"The {objectives[0]} of each trial after each step. Pruned trials end early.",
            visualization.plot_intermediate_values(study),
        )
    if any(trial.datetime_start for trial in trials):
        yield PageFigure("timeline", "Timeline", "Gaps are idle workers.", visualization.plot_timeline(study))


def _front_figures(study: optuna.Study, objectives: Sequence[str]) -> Iterator[PageFigure]:
    """The Pareto front; with more than two objectives, the first against each of the others."""
    for place in range(1, len(objectives)):
        names = [objectives[0], objectives[place]]
        yield PageFigure(
            f"front-{place}",
            f"{names[1]} against {names[0]}",
            "Pareto-optimal trials are red: no other trial is better in one objective without being worse in another.",
            visualization.plot_pareto_front(
                study,
                target_names=names,
                targets=_value_pair(place) if len(objectives) > 2 else None,
            ),
        )


def _history_figure(study: optuna.Study, objectives: Sequence[str], place: int) -> PageFigure:
    several = len(objectives) > 1
    return PageFigure(
        _figure_name("history", objectives, place),
        f"Optimization history{f' of {objectives[place]}' if several else ''}",
        f"The complete trials in the order of their start{'' if several else ', and the best value so far'}.",
        visualization.plot_optimization_history(
            study, target=_value(place) if several else None, target_name=objectives[place]
        ),
    )


def _importance_figure(study: optuna.Study, objectives: Sequence[str], place: int, complete: int) -> PageFigure:
    several = len(objectives) > 1
    # Optuna assumes that the values of a target function are minimised.
    sign = 1.0 if study.directions[place] == StudyDirection.MINIMIZE else -1.0
    uncertain = f" With only {complete} trials these estimates are uncertain." if complete < FEW else ""
    return PageFigure(
        _figure_name("importances", objectives, place),
        f"Parameter importances{f' for {objectives[place]}' if several else ''}",
        f"How much each parameter decides whether a trial is among the best 10 % (PED-ANOVA).{uncertain}",
        visualization.plot_param_importances(
            study, target=_value(place, sign) if several else None, target_name=objectives[place]
        ),
    )


def _slice_figure(study: optuna.Study, objectives: Sequence[str], place: int) -> PageFigure:
    several = len(objectives) > 1
    return PageFigure(
        _figure_name("slices", objectives, place),
        f"One parameter at a time{f', {objectives[place]}' if several else ''}",
        "The complete trials by the value of each parameter. Darker points are later trials.",
        visualization.plot_slice(study, target=_value(place) if several else None, target_name=objectives[place]),
    )


def _figure_name(kind: str, objectives: Sequence[str], place: int) -> str:
    return f"{kind}-{place}" if len(objectives) > 1 else kind


def _value(place: int, sign: float = 1.0) -> Callable[[FrozenTrial], float]:
    def value(trial: FrozenTrial) -> float:
        return sign * float(trial.values[place])

    return value


def _value_pair(place: int) -> Callable[[FrozenTrial], Sequence[float]]:
    def pair(trial: FrozenTrial) -> Sequence[float]:
        return trial.values[0], trial.values[place]

    return pair


def _parameter_names(trials: Sequence[FrozenTrial]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for trial in trials for name in trial.params))


def _values_of(trials: Sequence[FrozenTrial], name: str) -> set[Any]:
    return {trial.params.get(name) for trial in trials}


def _parameter_text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _html(figure: PageFigure) -> Markup:
    drawn = figure.figure
    drawn.update_layout(title=None, template="plotly_white", margin={"l": 60, "r": 30, "t": 30, "b": 60})
    text: str = plotly.io.to_html(
        drawn, config=PLOTLY_CONFIG, include_plotlyjs=False, full_html=False, div_id=figure.name
    )
    return Markup(text)
