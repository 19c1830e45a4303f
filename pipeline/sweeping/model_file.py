"""Write the settings of a trial as a model file, and add the model to the comparison.

The file holds the model's architecture and options, and the values of optimizer, training and augmentation that differ
from the comparison's. Hydra merges it over the comparison's values. Before the file gets its name, it is composed the
way the stages compose it and compared with the trial's settings. The training seed is the comparison's, because models
are compared in pairs that share it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields, replace
from io import StringIO
from pathlib import Path
from typing import Any

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.error import CommentMark, YAMLError
from ruamel.yaml.tokens import CommentToken

from pipeline.config.reading import CONF, parse_yaml, read, read_comparison
from pipeline.config.schema import ComparisonConfig
from pipeline.errors import UserError
from pipeline.storage.files import replacing
from pipeline.storage.fingerprints import fingerprint
from pipeline.sweeping.adopting import Compose, TrialSettings

NOT_TEXT = {"null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan", "inf"}
"""Words that YAML or Hydra read as something else than text."""


def default_name(sweep: str, model: str) -> str:
    """The name of the model file if the user does not choose one.

    >>> default_name("small-lecture_cnn-digits", "lecture_cnn"), default_name("small-digits", "lenet5")
    ('small_lecture_cnn_digits', 'small_digits_lenet5')
    """
    words = sweep if model in sweep else f"{sweep} {model}"
    name = re.sub(r"\W+", "_", words, flags=re.ASCII).strip("_")[:100]
    return name if is_name(name) else f"sweep_{name}"


def is_name(name: str) -> bool:
    """Whether the name is valid for a file, a DVC stage and a Hydra override.

    >>> [is_name(name) for name in ("best_of-20", "2024", "null", "a/b", "a b", "")]
    [True, False, False, False, False, False]
    """
    return re.fullmatch(r"[A-Za-z][\w-]{0,119}", name, re.ASCII) is not None and name.lower() not in NOT_TEXT


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
        unfinished.write_text(_model_text(header, model, {}), encoding="utf-8")
        shared = compose("train", [f"model={unfinished.stem}"])
        wanted["training"] = replace(settings.training, seed=shared["training"].seed)
        others = _other_sections(wanted, shared)
        unfinished.write_text(_model_text(header, model, others), encoding="utf-8")
        wanted["model"] = replace(settings.model, name=unfinished.stem)
        for command in ("build", "train", "experiment"):
            composed = compose(command, [f"model={unfinished.stem}"])
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


def add_to_comparison(name: str) -> bool:
    """Append a model to those of conf/comparison.yaml; comments and the other values are kept.

    Returns whether it was added, which is False if the comparison names it already.

    Raises:
        UserError: the file cannot be edited automatically.
    """
    before = read_comparison()
    if name in before.models:
        return False
    file = CONF / "comparison.yaml"
    # As bytes, because reading as text would lose Windows' line ends.
    after = with_model(file.read_bytes().decode(), name)
    try:
        added = read(ComparisonConfig, parse_yaml(after), "")
    except (YAMLError, UserError):
        added = before
    if added != replace(before, models=(*before.models, name)):
        raise UserError(f"Cannot edit {file} automatically: add {name} to its models by hand.")
    with replacing(file) as unfinished:
        unfinished.write_bytes(after.encode())
    return True


def with_model(text: str, name: str) -> str:
    """The text of a comparison with another model after the last one.

    >>> print(with_model("models:\\n  - lenet5 # 1998\\n# Trainings per model\\nreplicates: 4\\n", "best"))
    models:
      - lenet5 # 1998
      - best
    # Trainings per model
    replicates: 4
    <BLANKLINE>
    """
    editor = YAML()
    editor.preserve_quotes = True
    editor.width = 10_000
    comparison = editor.load(text.replace("\r\n", "\n"))
    models = comparison["models"]
    editor.indent(mapping=2, sequence=models.lc.col + 2, offset=models.lc.col)
    models.append(name)
    _move_comment(models, len(models) - 2)
    edited = StringIO()
    editor.dump(comparison, edited)
    return edited.getvalue().replace("\n", "\r\n" if "\r\n" in text else "\n")


def _move_comment(models: Any, last: int) -> None:
    """Move the comment lines below item `last` behind the next item, because ruamel.yaml attaches them to an item."""
    comment = models.ca.items.get(last, [None])[0]
    if comment is not None and not models.fa.flow_style():
        own, _, below = comment.value.partition("\n")
        comment.value = f"{own}\n"
        models.ca.items[last + 1] = [CommentToken(f"\n{below}", start_mark=CommentMark(0)), None, None, None]
