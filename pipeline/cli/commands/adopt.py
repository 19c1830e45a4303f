"""Write the best configuration of a sweep as a model file, so that it enters the comparison.

The file conf/model/NAME.yaml holds the architecture and options of the trial. It also holds the values of optimizer,
training and augmentation that differ from the comparison's. Without SWEEP, list the sweeps.

  convtrack adopt small-lecture_cnn-digits
  convtrack adopt small-lecture_cnn-digits --trial 7 --name cheap_cnn --compare
"""

import argparse
import textwrap
from collections.abc import Sequence
from datetime import UTC, datetime

import optuna
import yaml
from optuna.trial import FrozenTrial

from pipeline.cli.composing import composed
from pipeline.config.reading import CONF, read_comparison
from pipeline.config.schema import ComparisonConfig
from pipeline.console import columns, say
from pipeline.errors import UserError
from pipeline.reporting.text.quantities import digits, listed
from pipeline.storage.provenance import commit, dirty
from pipeline.sweeping.adopting import TrialSettings, chosen_trial, differences, settings_of
from pipeline.sweeping.model_file import (
    add_to_comparison,
    check_replaceable,
    default_name,
    file_of,
    is_name,
    origin,
    write_model,
)
from pipeline.sweeping.study import DEFINITION, SETTINGS, open_study, study_names
from pipeline.sweeping.summary import Summary, summarise

WIDTH = 120
"""The most characters in a line of a model file's header."""
SWEEPER = CONF / "hydra" / "sweeper" / "convtrack_optuna.yaml"


def main(arguments: Sequence[str]) -> None:
    """Adopt a trial, or list the sweeps."""
    parser = argparse.ArgumentParser(
        "convtrack adopt", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sweep", nargs="?", metavar="SWEEP", help="the name of the sweep (default: list all sweeps)")
    parser.add_argument("--trial", metavar="NUMBER", help="the trial to adopt (default: the best)")
    parser.add_argument("--name", metavar="NAME", help="the name of the model (default: from sweep and model)")
    parser.add_argument("--storage", metavar="ADDRESS", help=f"the database of sweeps (default: from {SWEEPER})")
    parser.add_argument("--compare", action="store_true", help="add the model to conf/comparison.yaml")
    given = parser.parse_args(arguments)
    number = _number(given.trial)
    comparison = read_comparison()
    storage = given.storage or _configured_storage()
    if given.sweep is not None:
        _adopt(given.sweep, storage, number, given.name, comparison, compare=given.compare)
    elif given.trial or given.name or given.compare:
        raise UserError("SWEEP is missing: name the sweep to adopt from. `convtrack adopt` alone lists all sweeps.")
    else:
        _list(storage)


def _number(text: str | None) -> int | None:
    if text is not None and not (text.isascii() and text.isdigit()):
        raise UserError(f"`--trial` must be the number of a trial, an integer of at least 0. Received {text!r}.")
    return None if text is None else int(text)


def _configured_storage() -> str:
    """The database that `convtrack experiment -m` uses by default."""
    content = yaml.safe_load(SWEEPER.read_text(encoding="utf-8")) if SWEEPER.is_file() else None
    if not isinstance(content, dict) or not isinstance(content.get("storage"), str):
        raise UserError(f"{SWEEPER} has no `storage`: name the database with --storage ADDRESS.")
    return str(content["storage"])


def _list(storage: str) -> None:
    rows = [("sweep", "trials", "complete", "best")]
    for name in study_names(storage):
        study = open_study(name, storage)
        # The database may also hold studies of other programs.
        if DEFINITION in study.user_attrs:
            summary = summarise(study)
            progress = f"{summary.finished} of {study.user_attrs[SETTINGS]['trials']}"
            rows.append((name, progress, str(summary.complete), _best_text(study, summary)))
    if len(rows) == 1:
        raise UserError(f"{storage} contains no sweep: start one with `convtrack experiment -m`.")
    for line in columns(rows):
        say(line)


def _best_text(study: optuna.Study, summary: Summary) -> str:
    if not summary.best:
        return "–"
    if len(summary.best) > 1:
        return f"{len(summary.best)} Pareto-optimal trials ({listed(_objectives(study))})"
    return f"trial {summary.best[0].number}: {_values_text(study, summary.best[0])}"


def _adopt(
    sweep: str, storage: str, number: int | None, name: str | None, comparison: ComparisonConfig, *, compare: bool
) -> None:
    study = open_study(sweep, storage)
    if DEFINITION not in study.user_attrs:
        raise UserError(f"'{sweep}' is not a sweep of `convtrack experiment -m`: its trials cannot be adopted.")
    summary = summarise(study)
    if number is None and len(summary.best) > 1:
        for line in (*_front_table(study, summary.best), ""):
            say(line)
    trial = chosen_trial(study, number)
    settings = settings_of(study, trial)
    if name is not None and not is_name(name):
        raise UserError(
            f"Invalid `--name`: {name!r}. Start it with a letter, use only letters, digits, _ and -, and avoid words "
            "that YAML reads as another type, such as null or yes."
        )
    name = name or default_name(sweep, settings.model.name)
    file = file_of(name)
    check_replaceable(file, sweep)
    write_model(file, settings, _header(sweep, study, trial, settings, summary, name), composed)
    say(f"{file}: {_result(sweep, study, trial, settings, summary)}.")
    if trial.params:
        say(f"Parameters: {', '.join(f'{key}={value}' for key, value in trial.params.items())}.")
    if summary.finished > 1:
        say(
            f"It was selected from {summary.finished} trials by its validation score, so this score is optimistic. The "
            "comparison measures it on test images."
        )
    say(_reuse(name, settings, comparison))
    if compare and add_to_comparison(name):
        say("conf/comparison.yaml lists it now: `dvc repro` compares it.")
    elif compare or name in comparison.models:
        say("conf/comparison.yaml lists it already: `dvc repro` compares its new version.")
    else:
        say(
            f"To compare it, add `  - {name}` to the models in conf/comparison.yaml or use --compare, then `dvc repro`."
        )


def _result(sweep: str, study: optuna.Study, trial: FrozenTrial, settings: TrialSettings, summary: Summary) -> str:
    """One clause on the trial: its rank in the sweep and its values."""
    replicates = "1 replicate" if settings.replicates == 1 else f"mean of {settings.replicates} replicates"
    return (
        f"trial {trial.number} of the sweep {sweep}, {_rank(trial, summary)}: {_values_text(study, trial)} "
        f"({replicates})"
    )


def _header(
    sweep: str, study: optuna.Study, trial: FrozenTrial, settings: TrialSettings, summary: Summary, name: str
) -> list[str]:
    """The comment lines of the model file: origin, command, and how the sweep was run."""
    stored = study.user_attrs[SETTINGS]
    return [
        *_comment(
            f"{settings.model.name} with the settings of {_result(sweep, study, trial, settings, summary)} on the "
            f"validation images of {settings.data.name}. Expect a lower score on new images, because these selected it."
        ),
        f"#   convtrack experiment model={name} data={settings.data.name} split={settings.split.name}",
        *_comment(
            f"Adopted on {datetime.now(UTC):%Y-%m-%d}, after {summary.finished} of {stored['trials']} trials "
            f"({summary.complete} complete, {summary.pruned} pruned, {summary.failed} failed; sampler "
            f"{stored['sampler']['name']}), at commit {commit()[:12]}{' with changes' if dirty() else ''}."
        ),
        origin(sweep),
    ]


def _objectives(study: optuna.Study) -> list[str]:
    return [name.replace("_", " ") for name in study.user_attrs[DEFINITION]["objectives"]]


def _values_text(study: optuna.Study, trial: FrozenTrial) -> str:
    """The names and values of a trial's objectives."""
    pairs = zip(_objectives(study), trial.values, strict=True)
    return listed([f"{name} {digits(value)}" for name, value in pairs])


def _front_table(study: optuna.Study, front: Sequence[FrozenTrial]) -> list[str]:
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
        return f"chosen by hand from {among}, of which trial {best[0]} is the best"
    return f"chosen by hand from {among}, {'on' if trial.number in best else 'off'} their Pareto front"


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(text, WIDTH - 2, break_long_words=False, break_on_hyphens=False)]


def _reuse(name: str, settings: TrialSettings, comparison: ComparisonConfig) -> str:
    """How many trainings of the sweep the comparison reuses, or why it reuses none."""
    other = list(differences(settings, composed))
    if other:
        return (
            f"The sweep used other images than the comparison ({', '.join(other)}), where other settings may be best."
        )
    seed = composed("train", [f"model={name}"])["training"].seed
    if seed != settings.training.seed:
        return (
            f"The comparison trains it again, because it uses seed {seed} for all models and the trial used "
            f"{settings.training.seed}."
        )
    trained = min(settings.replicates, comparison.replicates)
    return (
        f"The comparison reuses {trained} of its {comparison.replicates} replicates from the sweep, as long as images, "
        "code and versions stay the same."
    )
