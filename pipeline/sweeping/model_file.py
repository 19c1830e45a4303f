"""Write the settings of a trial as a model file.

The file holds the model's architecture and options, and the values of optimizer, training and augmentation that differ
from the comparison's. Hydra merges it over the comparison's values. Before the file gets its name, it is composed the
way the stages compose it and compared with the trial's settings. The training seed is the comparison's, because models
are compared in pairs that share it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import yaml

from pipeline.config.file_names import NOT_TEXT, is_name
from pipeline.config.reading import CONF
from pipeline.errors import UserError
from pipeline.storage.files import replacing
from pipeline.storage.fingerprints import fingerprint
from pipeline.sweeping.adopting import Compose, TrialSettings


def default_name(sweep: str, model: str) -> str:
    """The name of the model file if the user does not choose one.

    >>> default_name("small-lecture_cnn-digits", "lecture_cnn"), default_name("small-digits", "lenet5")
    ('small_lecture_cnn_digits', 'small_digits_lenet5')
    """
    words = sweep if model in sweep else f"{sweep} {model}"
    name = re.sub(r"\W+", "_", words, flags=re.ASCII).strip("_")[:100]
    return name if is_name(name) else f"sweep_{name}"


def file_of(name: str) -> Path:
    """The model file of this name."""
    return CONF / "model" / f"{name}.yaml"


def origin(sweep: str) -> str:
    """The line that marks a file as adopted from a sweep, and so as replaceable."""
    return f"# Written by `convtrack adopt` from the sweep {sweep}; adopting it again replaces this file."


def check_replaceable(file: Path, sweep: str) -> None:
    """Raise `UserError` if the file exists and was not adopted from this sweep."""
    if file.exists() and origin(sweep) not in file.read_text(encoding="utf-8", errors="replace").splitlines():
        raise UserError(f"{file} exists and is not from the sweep '{sweep}': choose another name with --name.")


def write_model(file: Path, settings: TrialSettings, header: Sequence[str], compose: Compose) -> None:
    """Write the model file, with the comment lines of `header` above its values.

    Raises:
        RuntimeError: the file would give other settings than the trial had, which is a bug of this project.
    """
    wanted: dict[str, Any] = {field.name: getattr(settings, field.name) for field in fields(settings)}
    model: dict[str, Any] = {"architecture": settings.model.architecture}
    if settings.model.options:
        model["options"] = settings.model.options
    with replacing(file) as unfinished:
        choice = unfinished.relative_to(file.parent).with_suffix("").as_posix()
        unfinished.write_text(_model_text(header, model, {}), encoding="utf-8")
        shared = compose("train", [f"model={choice}"])
        wanted["training"] = replace(settings.training, seed=shared["training"].seed)
        others = _other_sections(wanted, shared)
        unfinished.write_text(_model_text(header, model, others), encoding="utf-8")
        wanted["model"] = replace(settings.model, name=choice)
        for command in ("build", "train", "experiment"):
            composed = compose(command, [f"model={choice}"])
            for section in ("model", "optimizer", "training", "augmentation"):
                if section in composed and not _same(composed[section], wanted[section]):
                    raise RuntimeError(
                        f"{file} would give `{section}` as {composed[section]} in {command}, but the trial had "
                        f"{wanted[section]}."
                    )


def _other_sections(wanted: Mapping[str, Any], shared: Mapping[str, Any]) -> dict[str, Any]:
    """The values of optimizer, training and augmentation in which `wanted` differs from the comparison's."""
    others: dict[str, Any] = {}
    # The optimizer is written whole, because a learning rate depends on its optimizer.
    if not _same(wanted["optimizer"], shared["optimizer"]):
        others["optimizer"] = merge_patch(asdict(wanted["optimizer"]), asdict(shared["optimizer"]))
    for section in ("training", "augmentation"):
        compared = asdict(shared[section])
        values = {name: value for name, value in asdict(wanted[section]).items() if value != compared[name]}
        others |= {section: values} if values else {}
    return others


def merge_patch(wanted: Mapping[str, Any], shared: Mapping[str, Any]) -> dict[str, Any]:
    """What Hydra must merge over `shared` to give `wanted`. Merging removes no key, so superfluous keys become null.

    >>> merge_patch({"name": "Adam", "options": {}}, {"name": "SGD", "options": {"momentum": 0.9}})
    {'name': 'Adam', 'options': {'momentum': None}}
    """
    merged: dict[str, Any] = {}
    for name, value in wanted.items():
        both = isinstance(value, Mapping) and isinstance(shared.get(name), Mapping)
        merged[name] = merge_patch(value, shared[name]) if both else value
    return merged | {name: None for name in shared if name not in wanted}


def _same(one: Any, other: Any) -> bool:
    """Whether two sections have the same fingerprint, which distinguishes 1 from 1.0."""
    return fingerprint(asdict(one)) == fingerprint(asdict(other))


class _Dumper(yaml.SafeDumper):
    """Write lists in one line, and quote text that could be read as another type.

    PyYAML, not ruamel.yaml, because Hydra reads YAML 1.1, in which `yes` is a boolean.
    """

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        return super().increase_indent(flow, False)


def _list(dumper: yaml.SafeDumper, values: Iterable[Any]) -> yaml.Node:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", list(values), flow_style=True)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    plain = re.fullmatch(r"[A-Za-z_][\w./-]*", text, re.ASCII) and text.lower() not in NOT_TEXT
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else '"')


_Dumper.add_representer(list, _list)
_Dumper.add_representer(tuple, _list)
_Dumper.add_representer(str, _text)


def _model_text(header: Sequence[str], model: Mapping[str, Any], others: Mapping[str, Any]) -> str:
    """The text of a model file. Hydra needs the package line only if the file sets other sections, too."""
    content = {"model": model, **others} if others else model
    body = yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000)
    return "\n".join([*(["# @package _global_"] if others else []), *header, body])
