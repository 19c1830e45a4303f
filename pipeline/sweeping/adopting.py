"""From a trial of a sweep to a model of the comparison: its settings as one file of `conf/model/`.

The file holds the model whole, and of optimizer, training and augmentation what differs from the comparison's, which
Hydra merges it over. It is composed as the stages compose it before it gets its name, so that it cannot give anything
else than the trial had. The seed of the training stays the comparison's, by which models are compared in pairs.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import optuna
import yaml
from optuna.trial import FrozenTrial, TrialState
from ruamel.yaml.error import YAMLError

from pipeline.cli.composing import composed
from pipeline.cli.registry import HYDRA_COMMANDS
from pipeline.config.reading import CONF, flattened, parse_yaml, read, read_comparison
from pipeline.config.schema import (
    NAMED,
    SECTIONS,
    AugmentationConfig,
    ComparisonConfig,
    DataConfig,
    ModelConfig,
    OptimizerConfig,
    SplitConfig,
    TrainingConfig,
)
from pipeline.errors import UserError
from pipeline.storage.files import replacing
from pipeline.storage.fingerprints import fingerprint
from pipeline.sweeping.study import REASON, trials_of
from pipeline.sweeping.telling import WORDS, best_of

UNFINISHED = {TrialState.RUNNING: "being made", TrialState.WAITING: "waiting to be made"}

NO_NAMES = {"null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan", "inf"}
"""Words that YAML or Hydra read as something else than text."""


@dataclass(frozen=True)
class TrialSettings:
    """What a trial was configured with."""

    data: DataConfig
    split: SplitConfig
    optimizer: OptimizerConfig
    training: TrainingConfig
    augmentation: AugmentationConfig
    model: ModelConfig
    replicates: int


def chosen_trial(study: optuna.Study, number: int | None) -> FrozenTrial:
    """The complete trial of this number; without one the best.

    Raises:
        UserError: there is no such trial, it did not complete, or none of several objectives' front is the best.
    """
    trials = trials_of(study)
    best = best_of(study, [trial for trial in trials if trial.state == TrialState.COMPLETE])
    if number is not None and not 0 <= number < len(trials):
        held = f"it has trials 0 to {len(trials) - 1}" if trials else "it has none yet"
        raise UserError(f"The sweep '{study.study_name}' has no trial {number}: {held}.")
    if not best:
        counts = ", ".join(f"{sum(one.state == state for one in trials)} {word}" for state, word in WORDS.items())
        raise UserError(
            f"The sweep '{study.study_name}' has no complete trial to adopt ({counts}): go on with it by the command "
            "that began it."
        )
    if number is None and len(best) > 1:
        raise UserError(
            f"The sweep '{study.study_name}' has several objectives, and {len(best)} trials that no other beats in all "
            "of them: choose one with --trial NUMBER."
        )
    trial = best[0] if number is None else trials[number]
    if trial.state != TrialState.COMPLETE:
        how = WORDS.get(trial.state) or UNFINISHED[trial.state]
        reason = f" ({trial.user_attrs[REASON].rstrip('.')})" if REASON in trial.user_attrs else ""
        raise UserError(
            f"Trial {trial.number} of the sweep '{study.study_name}' is {how}{reason}: only complete trials can be "
            f"adopted, such as trial {best[0].number}."
        )
    return trial


def settings_of(study: optuna.Study, trial: FrozenTrial) -> TrialSettings:
    """The settings of a complete trial, checked.

    Raises:
        UserError: an earlier version of the project, or somebody else, made it.
    """
    try:
        kept = dict(trial.user_attrs["configuration"])
        replicates = kept.pop("replicates")
        sections: dict[str, Any] = {}
        for section in (field.name for field in fields(TrialSettings) if field.name in SECTIONS):
            values = dict(kept[section])
            given = {"name": values.pop("name")} if section in NAMED else {}
            sections[section] = read(SECTIONS[section], values, section, given=given)
    except (KeyError, UserError) as problem:
        raise UserError(
            f"Trial {trial.number} of the sweep '{study.study_name}' has no settings that this version of the project "
            f"understands ({str(problem).rstrip('.')}): make the sweep again, under another name."
        ) from None
    return TrialSettings(**sections, replicates=replicates)


def default_name(sweep: str, model: str) -> str:
    """The name of the file, where nobody chooses one.

    >>> default_name("small-lecture_cnn-digits", "lecture_cnn"), default_name("small-digits", "lenet5")
    ('small_lecture_cnn_digits', 'small_digits_lenet5')
    """
    words = sweep if model in sweep else f"{sweep} {model}"
    name = re.sub(r"\W+", "_", words, flags=re.ASCII).strip("_")[:100]
    return name if is_name(name) else f"sweep_{name}"


def is_name(name: str) -> bool:
    """Whether a file, a stage of DVC and an override can bear this name.

    >>> [is_name(name) for name in ("best_of-20", "2024", "null", "a/b", "a b", "")]
    [True, False, False, False, False, False]
    """
    return re.fullmatch(r"[A-Za-z][\w-]{0,119}", name, re.ASCII) is not None and name.lower() not in NO_NAMES


def file_of(name: str) -> Path:
    """Where a model of this name is configured."""
    return CONF / "model" / f"{name}.yaml"


def origin(sweep: str) -> str:
    """The line by which a file is known to come from a sweep."""
    return f"# `convtrack adopt` wrote this from the sweep {sweep}, and replaces it when it is run again."


def check_replaceable(file: Path, sweep: str) -> None:
    """Raise the error for a file that this sweep did not write."""
    if file.exists() and origin(sweep) not in file.read_text(encoding="utf-8", errors="replace").splitlines():
        raise UserError(
            f"{file} is there already and was not written from the sweep '{sweep}': choose another name with --name."
        )


def write_model(file: Path, settings: TrialSettings, head: Sequence[str]) -> None:
    """Write the file, `head` above its values, once it gives what the trial had in each command that composes it.

    Raises:
        RuntimeError: it does not; this is a fault of ours.
    """
    wanted: dict[str, Any] = {field.name: getattr(settings, field.name) for field in fields(settings)}
    own: dict[str, Any] = {"model": {"architecture": settings.model.architecture}}
    if settings.model.options:
        own["model"]["options"] = settings.model.options
    with replacing(file) as unfinished:
        unfinished.write_text(_written(head, own), encoding="utf-8")
        shared = composed("train", [f"model={unfinished.stem}"])
        wanted["training"] = replace(settings.training, seed=shared["training"].seed)
        # Whole, because a learning rate means nothing without its optimizer.
        if not _same(wanted["optimizer"], shared["optimizer"]):
            own["optimizer"] = merging(asdict(wanted["optimizer"]), asdict(shared["optimizer"]))
        for section in ("training", "augmentation"):
            theirs = asdict(shared[section])
            values = {name: value for name, value in asdict(wanted[section]).items() if value != theirs[name]}
            own |= {section: values} if values else {}
        unfinished.write_text(_written(head, own), encoding="utf-8")
        wanted["model"] = replace(settings.model, name=unfinished.stem)
        for command in ("build", "train", "experiment"):
            got = composed(command, [f"model={unfinished.stem}"])
            for section in ("model", "optimizer", "training", "augmentation"):
                if section in HYDRA_COMMANDS[command].groups and not _same(got[section], wanted[section]):
                    raise RuntimeError(
                        f"{file} would give `{section}` as {got[section]} in {command}, but the trial had "
                        f"{wanted[section]}."
                    )


def merging(wanted: Mapping[str, Any], shared: Mapping[str, Any]) -> dict[str, Any]:
    """What Hydra must merge over `shared` to give `wanted`: merging takes nothing away, so what is too much is null.

    >>> merging({"name": "Adam", "options": {}}, {"name": "SGD", "options": {"momentum": 0.9}})
    {'name': 'Adam', 'options': {'momentum': None}}
    """
    merged: dict[str, Any] = {}
    for name, value in wanted.items():
        both = isinstance(value, Mapping) and isinstance(shared.get(name), Mapping)
        merged[name] = merging(value, shared[name]) if both else value
    return merged | {name: None for name in shared if name not in wanted}


def _same(one: Any, other: Any) -> bool:
    """Whether two sections have the same part in a fingerprint, in which 1 is not 1.0."""
    return fingerprint(asdict(one)) == fingerprint(asdict(other))


class _Dumper(yaml.SafeDumper):
    """Writes as the files of `conf/` are written: lists in one line, text that could be anything else in quotes."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        return super().increase_indent(flow, False)


def _list(dumper: yaml.SafeDumper, values: Iterable[Any]) -> yaml.Node:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", list(values), flow_style=True)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    plain = re.fullmatch(r"[A-Za-z_][\w./-]*", text, re.ASCII) and text.lower() not in NO_NAMES
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else '"')


_Dumper.add_representer(list, _list)
_Dumper.add_representer(tuple, _list)
_Dumper.add_representer(str, _text)


def _written(head: Sequence[str], values: Mapping[str, Any]) -> str:
    body = yaml.dump(values, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000)
    return "\n".join(["# @package _global_", *head, body])


def differences(settings: TrialSettings) -> Iterator[str]:
    """Where data and split of the trial are not the comparison's, setting by setting."""
    ours = composed("prepare", [])
    for section in ("data", "split"):
        theirs, own = asdict(ours[section]), asdict(getattr(settings, section))
        if own["name"] != theirs["name"]:
            yield f"{section} {own['name']} instead of {theirs['name']}"
            continue
        other, mine = dict(flattened(theirs)), dict(flattened(own))
        for name in sorted({*other, *mine}):
            if other.get(name) != mine.get(name):
                yield f"{section}.{name} {mine.get(name)} instead of {other.get(name)}"


def add_to_comparison(name: str) -> bool:
    """Add a model at the end of those of the comparison, and leave all else in its file as it is.

    Returns whether it was added; false where it is there already.

    Raises:
        UserError: the file is not written in a way that a line can be added to.
    """
    before = read_comparison()
    if name in before.models:
        return False
    file = CONF / "comparison.yaml"
    # As bytes, because the ends of lines are to stay.
    text = file.read_bytes().decode()
    after = with_model(text, name)
    try:
        added = read(ComparisonConfig, parse_yaml(after), "")
    except (YAMLError, UserError):
        added = before
    if added != replace(before, models=(*before.models, name)):
        raise UserError(f"{file} is written in a way of its own: add {name} to its models by hand.")
    with replacing(file) as unfinished:
        unfinished.write_bytes(after.encode())
    return True


def with_model(text: str, name: str) -> str:
    """The text of a comparison with one more model, after the last.

    >>> print(with_model("models:\\n  - lenet5 # 1998\\nreplicates: 4\\n", "best"))
    models:
      - lenet5 # 1998
      - best
    replicates: 4
    <BLANKLINE>
    """
    root: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    models = next(value for key, value in root.value if key.value == "models")
    end = models.value[-1].end_mark
    if models.flow_style:
        return f"{text[: end.index]}, {name}{text[end.index :]}"
    lines = text.splitlines(keepends=True)
    last = lines[end.line]
    ending = last[len(last.rstrip("\r\n")) :] or "\n"
    lines[end.line] = f"{last.rstrip()}{ending}{' ' * models.start_mark.column}- {name}{ending}"
    return "".join(lines)
