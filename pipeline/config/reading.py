"""Read configuration: composed values into checked dataclasses, and the files of `conf/`."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import is_dataclass
from inspect import signature
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any, TypeVar, get_args, get_type_hints

from pydantic import TypeAdapter, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from pipeline.config.options import described
from pipeline.config.schema import ComparisonConfig
from pipeline.errors import UserError, unknown

CONF = Path("conf")
Section = TypeVar("Section")


def read(kind: type[Section], values: Any, where: str, *, given: Mapping[str, Any] = MappingProxyType({})) -> Section:
    """The `values` as a checked instance of the dataclass `kind`.

    Types are strict, as in JSON: true is not an integer, and "3" is not a number. `where` names the values in
    messages, such as `training`. Fields in `given` come from the caller, so `values` must not hold them.

    Raises:
        UserError: a key is unknown or missing, or a value is invalid.

    >>> from pipeline.config.schema import AugmentationConfig
    >>> read(AugmentationConfig, {"horizontal_flip": True, "vertical_flip": False, "quarter_turns": False, "shift": -1},
    ...      "augmentation")
    Traceback (most recent call last):
    pipeline.errors.UserError: `augmentation.shift` must be an integer at least 0. Received -1.
    """
    hints = {name: hint for name, hint in get_type_hints(kind, include_extras=True).items() if name not in given}

    def full(name: str) -> str:
        return f"{where}.{name}" if where else name

    holder = f"`{where}`" if where else "Settings"
    if not isinstance(values, Mapping):
        raise UserError(f"{holder} must be a mapping with the keys {', '.join(hints)}. Received {values!r}.")
    for name in values:
        if name not in hints:
            raise unknown("setting", full(name), map(full, hints))
    required = {name for name, parameter in signature(kind).parameters.items() if parameter.default is parameter.empty}
    for name in hints:
        if name in required and name not in values:
            raise UserError(f"`{full(name)}` is missing: set it to {described(TypeAdapter(hints[name]))}.")
    for name, hint in hints.items():
        inner_kind = next((one for one in (hint, *get_args(hint)) if is_dataclass(one)), None)
        if isinstance(inner_kind, type) and isinstance(values.get(name), Mapping):
            read(inner_kind, values[name], full(name))  # Its messages name the inner setting.
    try:
        checked = TypeAdapter(kind).validate_json(json.dumps({**values, **given}, default=str), strict=True)
        json.dumps(values, default=str, allow_nan=False)
    except ValidationError as problem:
        # Report a misspelt key before the missing key that results from it.
        first = min(problem.errors(), key=lambda error: error["type"] != "unexpected_keyword_argument")
    except ValueError:
        raise UserError(f"{holder} must hold finite numbers. Received {dict(values)}.") from None
    else:
        return checked
    name, *inner = map(str, first["loc"])
    # The location of an error in a union ends with the type that was tried, which is no key of the user's.
    in_mapping = isinstance(values[name], Mapping) and inner and not inner[-1].isdigit()
    detail = f" ({inner[-1]}: {first['msg']})" if in_mapping else ""
    raise UserError(f"`{full(name)}` must be {described(TypeAdapter(hints[name]))}{detail}. Received {values[name]!r}.")


def read_comparison(folder: Path = CONF) -> ComparisonConfig:
    """The comparison of the project in the working directory.

    Raises:
        UserError: the working directory is not a project, or its comparison is invalid.
    """
    file = folder / "comparison.yaml"
    if not file.is_file():
        raise UserError(f"{file} does not exist here: run this command in the folder of the project.")
    try:
        with file.open("rb") as stream:
            comparison = read(ComparisonConfig, parse_yaml(stream), "")
        for group, choice in comparison.choices.items():
            check_choice(group, choice, folder)
        for model in comparison.models:
            check_choice("model", model, folder)
            if comparison.models.count(model) > 1:
                raise UserError(f"`models` must name each model once. Received '{model}' twice.")
        for baseline in comparison.baselines:
            if baseline in comparison.models:
                raise UserError(
                    f"A baseline must not have the name of a model. Received '{baseline}' in `models` and `baselines`; "
                    "rename the file of the model."
                )
            if comparison.baselines.count(baseline) > 1:
                raise UserError(f"`baselines` must name each baseline once. Received '{baseline}' twice.")
    except YAMLError as problem:
        check_encoding(folder)
        raise broken_yaml(problem) from None
    except UserError as problem:
        raise UserError(f"In {file}: {problem}") from None
    return comparison


def parse_yaml(text: str | IO[bytes]) -> Any:
    """The content of a file of `conf/`, as DVC reads it: YAML 1.2, in which 1e-3 is a number.

    >>> parse_yaml("margin: 1e-3")
    {'margin': 0.001}
    """
    return YAML(typ="safe", pure=True).load(text)


def broken_yaml(problem: Exception) -> UserError:
    """The error for a file under `conf/` that is not valid YAML, with the file and line where parsing failed."""
    mark = getattr(problem, "problem_mark", None)
    # A character that YAML does not allow has no line, but a file.
    name = mark.name if mark is not None else getattr(problem, "name", None)
    if not isinstance(name, str):
        return UserError(f"A file under {CONF}/ is not valid YAML: {' '.join(str(problem).split())}.")
    file = Path(name)
    shown = file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file
    if mark is None:
        reason = str(problem).splitlines()[0]
        return UserError(f"{shown} is not valid YAML: {reason}.")
    return UserError(f"{shown} is not valid YAML: {getattr(problem, 'problem', 'error')} in line {mark.line + 1}.")


def check_encoding(folder: Path = CONF) -> None:
    """Raise a UserError for the first configuration file that is not UTF-8 text, if any."""
    for file in sorted(folder.rglob("*.yaml")):
        try:
            file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise UserError(f"{file} is not UTF-8 text: save it as UTF-8.") from None


def not_a_mapping(folder: Path = CONF) -> UserError | None:
    """The error for the first configuration file that does not consist of settings, if any."""
    for file in sorted(folder.rglob("*.yaml")):
        content = parse_yaml(file.read_text(encoding="utf-8"))
        if content is not None and not isinstance(content, Mapping):
            return UserError(f"{file} must hold settings, one `name: value` per line. Received {content!r}.")
    return None


def flattened(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The values of nested mappings, with their dotted names.

    >>> dict(flattened({"optimizer": {"name": "SGD", "options": {"momentum": 0.9}}}))
    {'optimizer.name': 'SGD', 'optimizer.options.momentum': 0.9}
    """
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from flattened(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def choices_of(group: str, folders: Sequence[Path] = (CONF,)) -> list[str]:
    """The names that `group=NAME` accepts: the files of the group in these folders, sorted."""
    return sorted({file.stem for folder in folders for file in (folder / group).glob("*.yaml")})


def check_choice(group: str, choice: str, folder: Path = CONF) -> None:
    """Raise a UserError for a choice that has no file in its group."""
    available = choices_of(group, [folder])
    if choice not in available:
        raise unknown(group, choice, available)
