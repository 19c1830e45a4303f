"""Write the best configuration of a sweep as a model file, so that it enters the comparison.

The file conf/model/NAME.yaml holds the architecture and options of the trial. It also holds the values of optimizer,
training and augmentation that differ from the comparison's. With --searched, only the settings that the sweep searched
are taken from the trial; use it if the sweep was run on fewer images or epochs. Without SWEEP, list the sweeps.

  convtrack adopt small-lecture_cnn-digits
  convtrack adopt small-lecture_cnn-digits --trial 7 --name cheap_cnn --compare
"""

import argparse
from collections.abc import Sequence
from dataclasses import asdict

import yaml

from pipeline.cli.composing import composed
from pipeline.cli.usage import parsed
from pipeline.config.comparison_file import add_to_comparison
from pipeline.config.file_names import is_name
from pipeline.config.reading import CONF, flattened, read_comparison
from pipeline.config.schema import ComparisonConfig
from pipeline.console import columns, say
from pipeline.errors import UserError
from pipeline.sweeping.adopting import (
    SHARED,
    TrialSettings,
    chosen_trial,
    differences,
    searched_values,
    settings_of,
    with_comparison,
)
from pipeline.sweeping.adoption_text import best_text, file_header, front_table, trial_text
from pipeline.sweeping.database import database_errors_explained
from pipeline.sweeping.model_file import (
    check_replaceable,
    default_name,
    file_of,
    write_model,
)
from pipeline.sweeping.study import DEFINITION, SETTINGS, open_study, study_names
from pipeline.sweeping.summary import summarise

SWEEPER = CONF / "hydra" / "sweeper" / "convtrack_optuna.yaml"


def parser() -> argparse.ArgumentParser:
    """The arguments of the command."""
    command = argparse.ArgumentParser(
        "convtrack adopt", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    command.add_argument("sweep", nargs="?", metavar="SWEEP", help="the name of the sweep (default: list all sweeps)")
    command.add_argument("--trial", type=_number, metavar="NUMBER", help="the trial to adopt (default: the best)")
    command.add_argument("--name", metavar="NAME", help="the name of the model (default: from sweep and model)")
    command.add_argument(
        "--searched", action="store_true", help="take only the searched settings; all others are the comparison's"
    )
    command.add_argument("--storage", metavar="ADDRESS", help=f"the database of sweeps (default: from {SWEEPER})")
    command.add_argument("--compare", action="store_true", help="add the model to conf/comparison.yaml")
    return command


def main(arguments: Sequence[str]) -> None:
    """Adopt a trial, or list the sweeps."""
    given = parsed(parser().parse_args, arguments, help_command="convtrack adopt --help")
    comparison = read_comparison()
    storage = given.storage or _configured_storage()
    if given.sweep is None and (given.trial is not None or given.name or given.compare or given.searched):
        raise UserError("SWEEP is missing: name the sweep to adopt from. `convtrack adopt` alone lists all sweeps.")
    if given.sweep is not None:
        _adopt(given.sweep, storage, given, comparison)
    else:
        _list(storage)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise UserError(f"`--trial` must be the number of a trial, an integer of at least 0. Received {text!r}.")
    return int(text)


def _configured_storage() -> str:
    """The database that `convtrack experiment -m` uses by default."""
    content = yaml.safe_load(SWEEPER.read_text(encoding="utf-8")) if SWEEPER.is_file() else None
    if not isinstance(content, dict) or not isinstance(content.get("storage"), str):
        raise UserError(f"{SWEEPER} has no `storage`: name the database with --storage ADDRESS.")
    return str(content["storage"])


def _list(storage: str) -> None:
    rows = [("sweep", "trials", "complete", "best")]
    with database_errors_explained(storage):
        for name in study_names(storage):
            study = open_study(name, storage)
            # The database may also hold studies of other programs.
            if DEFINITION in study.user_attrs:
                summary = summarise(study)
                progress = f"{summary.finished} of {study.user_attrs[SETTINGS]['trials']}"
                rows.append((name, progress, str(summary.complete), best_text(study, summary)))
    if len(rows) == 1:
        raise UserError(f"{storage} contains no sweep: start one with `convtrack experiment -m`.")
    for line in columns(rows):
        say(line)


def _adopt(sweep: str, storage: str, given: argparse.Namespace, comparison: ComparisonConfig) -> None:
    with database_errors_explained(storage):
        study = open_study(sweep, storage)
        if DEFINITION not in study.user_attrs:
            raise UserError(f"'{sweep}' is not a sweep of `convtrack experiment -m`: its trials cannot be adopted.")
        summary = summarise(study)
        if given.trial is None and len(summary.best) > 1:
            for line in (*front_table(study, summary.best), ""):
                say(line)
        trial = chosen_trial(study, given.trial)
        settings = settings_of(study, trial)
    name = default_name(sweep, settings.model.name) if given.name is None else _checked_name(given.name)
    file = file_of(name)
    check_replaceable(file, sweep)
    header = file_header(study, trial, settings, summary, name, searched=given.searched)
    written = with_comparison(settings, trial, composed) if given.searched else settings
    write_model(file, written, header, composed)
    say(f"{file}: {trial_text(study, trial, settings, summary)}.")
    if trial.params:
        say(f"Parameters: {', '.join(f'{key}={value}' for key, value in searched_values(settings, trial).items())}.")
    if summary.finished > 1:
        say(
            f"It was selected from {summary.finished} trials by its validation score, so this score is optimistic. The "
            "comparison measures it on test images."
        )
    say(_reuse(name, settings, written, comparison))
    if given.compare and add_to_comparison(name):
        say("conf/comparison.yaml lists it now: `dvc repro` compares it.")
    elif given.compare or name in comparison.models:
        say("conf/comparison.yaml lists it already: `dvc repro` compares its new version.")
    else:
        say(
            f"To compare it, add `  - {name}` to the models in conf/comparison.yaml or use --compare, then `dvc repro`."
        )


def _checked_name(name: str) -> str:
    if not is_name(name):
        raise UserError(
            f"Invalid `--name`: {name!r}. Start it with a letter, use only letters, digits, _ and -, and avoid words "
            "that YAML reads as another type, such as null or yes."
        )
    return name


def _reuse(name: str, settings: TrialSettings, written: TrialSettings, comparison: ComparisonConfig) -> str:
    """How many trainings of the sweep the comparison reuses, or why it reuses none.

    `settings` are those of the trial, and `written` those of the model file.
    """
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
    tried, kept = (
        dict(flattened({section: asdict(getattr(one, section)) for section in SHARED})) for one in (settings, written)
    )
    changed = sorted(key for key in {*tried, *kept} if key != "training.seed" and tried.get(key) != kept.get(key))
    if changed:
        return (
            f"The comparison trains it again, because --searched replaced settings of the trial: {', '.join(changed)}."
        )
    most = comparison.most_replicates
    count = f"{comparison.auto.least} to {most}" if comparison.replicates == "auto" else str(most)
    return (
        f"The comparison reuses {min(settings.replicates, most)} of its {count} replicates from the sweep, as long as "
        "images, code and versions stay the same."
    )
