"""Hydra's override grammar (hydra.cc/docs/advanced/override_grammar/extended): parse overrides and write values."""

import re
from collections.abc import Sequence
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override, Quote, QuotedString
from hydra.errors import HydraException

from pipeline.errors import UserError, unknown
from pipeline.sweeping.distributions import interval_text


class Grammar:
    """Parse overrides with the config groups of a project; every mistake raises `UserError`."""

    def __init__(self, config_loader: ConfigLoader) -> None:
        """Look up config groups with this loader."""
        self._config_loader = config_loader
        self._parser = OverridesParser.create(config_loader)
        cast_int = self._parser.functions.functions["int"]

        def checked_int(*values: Any, value: Any = None) -> Any:
            # Hydra's own int() truncates interval(1.5, 9) to interval(1, 9).
            for one in (*values, value):
                if isinstance(one, IntervalSweep) and not (_is_whole(one.start) and _is_whole(one.end)):
                    raise ValueError(f"int needs an interval between whole numbers, not {interval_text(one)}")
            return cast_int(*values, value=value)

        self._parser.functions.functions["int"] = checked_int

    def parse(self, overrides: Sequence[str]) -> list[Override]:
        """The parsed overrides."""
        found = []
        for written in overrides:
            try:
                found += self._parser.parse_overrides([written])
            except HydraException as problem:
                raise UserError(f"Invalid override `{written}`: {_reason(problem)}") from None
        return found

    def choices_of_group(self, group: str) -> list[str]:
        """The files of a config group; empty if the setting is not a group."""
        return self._config_loader.get_group_options(group, results_filter=ObjectType.CONFIG)

    def check_group(self, override: Override, values: Sequence[str]) -> None:
        """Raise `UserError` for a value that is not a file of the config group that the override sets."""
        choices = self.choices_of_group(override.key_or_group)
        for value in values if choices else ():
            if re.fullmatch(r"[\w-]+", value) and value not in (*choices, "null"):
                raise unknown(override.key_or_group, value, choices)


def setting_of(override: Override) -> str:
    """The setting that an override changes, without + or ~."""
    return override.get_key_element().lstrip("+~")


def hydra_text(value: Any) -> str:
    """A value as Hydra writes it. Text that Hydra would read as another type is quoted.

    >>> hydra_text([8, "8", None, 0.1, QuotedString("a,b", Quote.double)])
    "[8,'8',null,0.1,a\\\\,b]"
    """
    if isinstance(value, QuotedString):
        return hydra_text(value.text)
    if isinstance(value, list | tuple):
        return f"[{','.join(map(hydra_text, value))}]"
    if isinstance(value, dict):
        pairs = (f"{Override._get_value_element_as_str(key)}:{hydra_text(one)}" for key, one in value.items())
        return f"{{{','.join(pairs)}}}"
    plain = Override._get_value_element_as_str(value)
    return quoted(value) if isinstance(value, str) and not _is_plain(plain) else plain


def quoted(text: str) -> str:
    """A text in single quotes, which Hydra always reads as text."""
    return QuotedString(text, Quote.single).with_quotes()


def _is_plain(text: str) -> bool:
    """Whether Hydra reads this as text although it has no quotes."""
    try:
        return isinstance(OverridesParser.create().parse_override(f"key={text}")._value, str) and text != ""
    except HydraException:
        return False


def _is_whole(number: float | None) -> bool:
    return number is not None and float(number).is_integer()


def _reason(problem: HydraException) -> str:
    """Why Hydra cannot parse an override, in one sentence."""
    root: BaseException | None = problem.__cause__
    while root is not None and root.__cause__ is not None:
        root = root.__cause__
    if root is None:
        return (
            "write choice(a, b), range(start, stop, step), interval(low, high) or tag(log, interval(low, high)), and "
            "quote spaces and brackets within a value."
        )
    name = re.search(r"Unknown function '(\w+)'", str(root))
    if name:
        return str(unknown("function", name[1], OverridesParser.create().functions.functions))
    return f"{str(root).splitlines()[0].rstrip('.')}."
