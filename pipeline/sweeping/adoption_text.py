"""Texts about an adopted trial, for the console and for the header of its model file."""

import textwrap
from collections.abc import Sequence
from datetime import UTC, datetime

import optuna
from optuna.trial import FrozenTrial

from pipeline.console import columns
from pipeline.reporting.text.quantities import digits, listed
from pipeline.storage.provenance import commit, dirty
from pipeline.sweeping.adopting import TrialSettings
from pipeline.sweeping.model_file import origin
from pipeline.sweeping.study import DEFINITION, SETTINGS
from pipeline.sweeping.summary import Summary

WIDTH = 120
"""The most characters in a line of a model file's header."""


def trial_text(study: optuna.Study, trial: FrozenTrial, settings: TrialSettings, summary: Summary) -> str:
    """One clause on the trial: its rank in the sweep and its values."""
    replicates = "1 replicate" if settings.replicates == 1 else f"mean of {settings.replicates} replicates"
    return (
        f"trial {trial.number} of the sweep {study.study_name}, {_rank(trial, summary)}: {_values_text(study, trial)} "
        f"({replicates})"
    )


def file_header(
    study: optuna.Study, trial: FrozenTrial, settings: TrialSettings, summary: Summary, name: str, *, searched: bool
) -> list[str]:
    """The comment lines of the model file: origin, command, and how the sweep was run.

    `searched` means that the file holds only the settings that the sweep searched.
    """
    stored = study.user_attrs[SETTINGS]
    only = f" Only the searched settings are the trial's: {', '.join(trial.params)}." if searched else ""
    return [
        *_comment(
            f"{settings.model.name} with the settings of {trial_text(study, trial, settings, summary)} on the "
            f"validation images of {settings.data.name}. Expect a lower score on new images, because these selected it."
            f"{only}"
        ),
        f"#   convtrack experiment model={name} data={settings.data.name} split={settings.split.name}",
        *_comment(
            f"Adopted on {datetime.now(UTC):%Y-%m-%d}, after {summary.finished} of {stored['trials']} trials "
            f"({summary.complete} complete, {summary.pruned} pruned, {summary.failed} failed; sampler "
            f"{stored['sampler']['name']}), at commit {commit()[:12]}{' with changes' if dirty() else ''}."
        ),
        origin(study.study_name),
    ]


def _objectives(study: optuna.Study) -> list[str]:
    return [name.replace("_", " ") for name in study.user_attrs[DEFINITION]["objectives"]]


def _values_text(study: optuna.Study, trial: FrozenTrial) -> str:
    """The names and values of a trial's objectives."""
    pairs = zip(_objectives(study), trial.values, strict=True)
    return listed([f"{name} {digits(value)}" for name, value in pairs])


def front_table(study: optuna.Study, front: Sequence[FrozenTrial]) -> list[str]:
    """The Pareto front as lines of a table, sorted by the first objective."""
    parameters = list(dict.fromkeys(key for trial in front for key in trial.params))
    rows = [("trial", *_objectives(study), *parameters)]
    for trial in sorted(front, key=lambda one: (one.values, one.number)):
        values = (str(trial.params.get(key, "–")) for key in parameters)
        rows.append((str(trial.number), *map(digits, trial.values), *values))
    return columns(rows)


def _rank(trial: FrozenTrial, summary: Summary) -> str:
    """The rank of a trial among the finished ones."""
    among = "1 trial" if summary.finished == 1 else f"{summary.finished} trials"
    best = [one.number for one in summary.best]
    if best == [trial.number]:
        return f"the best of {among}"
    if len(best) == 1:
        return f"chosen by hand from {among} (the best is trial {best[0]})"
    return f"chosen by hand from {among}, {'on' if trial.number in best else 'off'} their Pareto front"


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(text, WIDTH - 2, break_long_words=False, break_on_hyphens=False)]


def best_text(study: optuna.Study, summary: Summary) -> str:
    """The best trial in a list of sweeps, with its values; – if no trial is complete."""
    if not summary.best:
        return "–"
    if len(summary.best) > 1:
        return f"{len(summary.best)} Pareto-optimal trials ({listed(_objectives(study))})"
    return f"trial {summary.best[0].number}: {_values_text(study, summary.best[0])}"
