"""Write the best configuration of a sweep as a model of the comparison.

The file conf/model/NAME.yaml holds the model and, where they differ from the comparison's, values of optimizer,
training and augmentation. Without SWEEP, list the sweeps there are.

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
from pipeline.sweeping.adopting import (
    TrialSettings,
    add_to_comparison,
    check_replaceable,
    chosen_trial,
    default_name,
    differences,
    file_of,
    is_name,
    origin,
    settings_of,
    write_model,
)
from pipeline.sweeping.study import DEFINITION, SETTINGS, open_study, studies
from pipeline.sweeping.telling import Summary, summarise

WIDTH = 120
SWEEPER = CONF / "hydra" / "sweeper" / "convtrack_optuna.yaml"


def main(arguments: Sequence[str]) -> None:
    """Write the file, and say what it holds, how far to trust it, and how to compare it."""
    parser = argparse.ArgumentParser(
        "convtrack adopt", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sweep", nargs="?", metavar="SWEEP", help="the name of a sweep (default: list those there are)")
    parser.add_argument("--trial", metavar="NUMBER", help="which of its trials (default: the best)")
    parser.add_argument("--name", metavar="NAME", help="what to call the model (default: after sweep and model)")
    parser.add_argument("--storage", metavar="ADDRESS", help=f"where sweeps are kept (default: that of {SWEEPER})")
    parser.add_argument("--compare", action="store_true", help="add the model to those of conf/comparison.yaml")
    given = parser.parse_args(arguments)
    number = _number(given.trial)
    comparison = read_comparison()
    storage = given.storage or _storage()
    if given.sweep is not None:
        _adopt(given.sweep, storage, number, given.name, comparison, compare=given.compare)
    elif given.trial or given.name or given.compare:
        raise UserError("Say which sweep to adopt from; `convtrack adopt` alone lists them.")
    else:
        _list(storage)


def _number(text: str | None) -> int | None:
    if text is not None and not (text.isascii() and text.isdigit()):
        raise UserError(f"`--trial` must be the number of a trial, a whole number from 0. Received {text!r}.")
    return None if text is None else int(text)


def _storage() -> str:
    """The address that sweeps are kept at unless another one is named."""
    written = yaml.safe_load(SWEEPER.read_text(encoding="utf-8")) if SWEEPER.is_file() else None
    if not isinstance(written, dict) or not isinstance(written.get("storage"), str):
        raise UserError(f"{SWEEPER} names no `storage`: name the one to adopt from with --storage ADDRESS.")
    return str(written["storage"])


def _list(storage: str) -> None:
    rows = [("sweep", "trials", "complete", "best")]
    for name in studies(storage):
        study = open_study(name, storage)
        # Others may keep studies of their own in the same storage.
        if DEFINITION in study.user_attrs:
            found = summarise(study)
            done = f"{_done(found)} of {study.user_attrs[SETTINGS]['trials']}"
            rows.append((name, done, str(found.complete), _best(study, found)))
    if len(rows) == 1:
        raise UserError(f"{storage} holds no sweep yet: `convtrack experiment -m` begins one.")
    for line in columns(rows):
        say(line)


def _best(study: optuna.Study, found: Summary) -> str:
    if not found.best:
        return "–"
    if len(found.best) > 1:
        return f"{len(found.best)} on the Pareto front of {listed(_objectives(study))}"
    return f"trial {found.best[0].number}: {_values(study, found.best[0])}"


def _adopt(
    sweep: str, storage: str, number: int | None, name: str | None, comparison: ComparisonConfig, *, compare: bool
) -> None:
    study = open_study(sweep, storage)
    if DEFINITION not in study.user_attrs:
        raise UserError(f"'{sweep}' was not made by `convtrack experiment -m`: nothing of it can be adopted.")
    found = summarise(study)
    if number is None and len(found.best) > 1:
        for line in (*_front(study, found.best), ""):
            say(line)
    trial = chosen_trial(study, number)
    settings = settings_of(study, trial)
    if name is not None and not is_name(name):
        raise UserError(
            "`--name` must begin with a letter, be made of letters, digits, _ and -, and be no word of YAML's. "
            f"Received {name!r}."
        )
    name = name or default_name(sweep, settings.model.name)
    file = file_of(name)
    check_replaceable(file, sweep)
    standing, values = _standing(trial, found), _values(study, trial)
    replicates = "1 replicate" if settings.replicates == 1 else f"mean of {settings.replicates} replicates"
    write_model(
        file,
        settings,
        [
            *_comment(
                f"A {settings.model.name} with the settings of trial {trial.number} of the sweep {sweep}, {standing}: "
                f"{values} on validation images of {settings.data.name}, {replicates}. It was chosen by them, so "
                "expect less of new images."
            ),
            f"#   convtrack experiment model={name} data={settings.data.name} split={settings.split.name}",
            *_comment(_history(study, found)),
            origin(sweep),
        ],
    )
    say(f"{file}: trial {trial.number} of the sweep {sweep}, {standing}: {values} ({replicates}).")
    if trial.params:
        say(f"It chose {', '.join(f'{key}={value}' for key, value in trial.params.items())}.")
    if _done(found) > 1:
        say(
            f"Chosen among {_done(found)} by validation images, it looks better on them than it is; the comparison's "
            "test images will tell."
        )
    say(_reuse(name, settings, comparison))
    if compare and add_to_comparison(name):
        say("conf/comparison.yaml names it now: `dvc repro` compares it.")
    elif compare or name in comparison.models:
        say("conf/comparison.yaml names it already: `dvc repro` compares it as it is now.")
    else:
        say(
            f"To compare it, add the line `  - {name}` to the models in conf/comparison.yaml, or use --compare; then "
            "`dvc repro`."
        )


def _done(found: Summary) -> int:
    return found.complete + found.pruned + found.failed


def _objectives(study: optuna.Study) -> list[str]:
    return [name.replace("_", " ") for name in study.user_attrs[DEFINITION]["objectives"]]


def _values(study: optuna.Study, trial: FrozenTrial) -> str:
    """The values of a trial's objectives, each with its name."""
    pairs = zip(_objectives(study), trial.values, strict=True)
    return listed([f"{name} {digits(value)}" for name, value in pairs])


def _front(study: optuna.Study, front: Sequence[FrozenTrial]) -> list[str]:
    """The Pareto front as a table, by the first objective."""
    searched = list(dict.fromkeys(key for trial in front for key in trial.params))
    rows = [("trial", *_objectives(study), *searched)]
    for trial in sorted(front, key=lambda one: (one.values, one.number)):
        chosen = (str(trial.params.get(key, "–")) for key in searched)
        rows.append((str(trial.number), *map(digits, trial.values), *chosen))
    return columns(rows)


def _standing(trial: FrozenTrial, found: Summary) -> str:
    """What a trial is among those that are done."""
    among = "1 trial" if _done(found) == 1 else f"{_done(found)} trials"
    numbers = [one.number for one in found.best]
    if numbers == [trial.number]:
        return f"the best of {among}"
    if len(numbers) == 1:
        return f"chosen by hand from {among} of which trial {numbers[0]} is the best"
    return f"chosen by hand from {among}, {'on' if trial.number in numbers else 'off'} their Pareto front"


def _history(study: optuna.Study, found: Summary) -> str:
    """When a trial was adopted, and what its sweep was."""
    settings = study.user_attrs[SETTINGS]
    return (
        f"Adopted on {datetime.now(UTC):%Y-%m-%d}, after {_done(found)} of {settings['trials']} trials "
        f"({found.complete} complete, {found.pruned} pruned, {found.failed} failed; sampler "
        f"{settings['sampler']['name']}), at commit {commit()[:12]}{' with changes' if dirty() else ''}."
    )


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(text, WIDTH - 2, break_long_words=False, break_on_hyphens=False)]


def _reuse(name: str, settings: TrialSettings, comparison: ComparisonConfig) -> str:
    """What of the sweep's trainings the comparison need not do again, or why it does."""
    other = list(differences(settings))
    if other:
        return (
            f"The sweep was made on other images than the comparison ({', '.join(other)}): what was best there need "
            "not be best here."
        )
    seed = composed("train", [f"model={name}"])["training"].seed
    if seed != settings.training.seed:
        return (
            f"The comparison trains it anew: the seed of all its models is {seed}, the trial's was "
            f"{settings.training.seed}."
        )
    trained = min(settings.replicates, comparison.replicates)
    return (
        f"Of its {comparison.replicates} replicates in the comparison the sweep has trained {trained}, which need not "
        "be trained again while images, code and versions stay the same."
    )
