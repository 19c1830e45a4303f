"""Read a search space from the configuration and the command line.

    space:
      optimizer.learning_rate: tag(log, interval(0.001, 0.3))
      model: choice(lecture_cnn, lenet5)
    when:
      model=lecture_cnn: {model.options.units: "range(20, 201, 20)"}

Ranges are written in Hydra's override grammar. A parameter under `when` is searched only in trials that meet its
condition.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.types import (
    ChoiceSweep,
    Glob,
    IntervalSweep,
    Override,
    OverrideType,
    RangeSweep,
    Sweep,
    ValueType,
)

from pipeline.errors import UserError, unknown
from pipeline.sweeping.distributions import choice_range, interval_range, stepped_range
from pipeline.sweeping.grammar import Grammar, hydra_text, setting_of
from pipeline.sweeping.space import Condition, Parameter, Space


def read_space(
    space: Mapping[str, Any],
    when: Mapping[str, Mapping[str, Any] | None],
    arguments: Sequence[str],
    config_loader: ConfigLoader,
) -> tuple[Space, list[str]]:
    """The space of a sweep, and the overrides that are the same in all its trials.

    `space` maps settings to ranges, each a text in Hydra's grammar or a list of choices. `when` maps conditions to such
    mappings. `arguments` are the overrides of the command line, which take precedence: a sweep replaces the range of
    its setting everywhere, and a single value removes its setting from the space. A condition on a fixed setting is
    resolved: its parameters are searched in every trial, or in none.

    Raises:
        UserError: a range cannot be searched, or a condition can never hold.
    """
    reader = _Reader(Grammar(config_loader))
    always = reader.parameters(space)
    configured = dict(always)
    given: dict[str, Override] = {}
    for override in reader.grammar.parse(arguments):
        given[setting_of(override)] = override
        if override.is_sweep_override():
            always[setting_of(override)] = reader.parameter(override)
        else:
            always.pop(setting_of(override), None)
    fixed = {key: override for key, override in given.items() if not override.is_sweep_override()}
    conditional: list[Parameter] = []
    blocks = [(reader.condition(written), block) for written, block in when.items()]
    # Conditions on fixed settings come first, because the parameters that they add to every trial may be conditions
    # of other blocks.
    for condition, block in sorted(blocks, key=lambda one: one[0].key not in fixed):
        searched = [one for key, one in reader.parameters(block or {}).items() if key not in given]
        if condition.key in fixed:
            if _fixed_text(fixed[condition.key]) in condition.values:
                for parameter in searched:
                    _check_disjoint(parameter, always.values())
                    always[parameter.key] = parameter
        elif condition.key not in always:
            raise UserError(
                f"The condition `{condition}` needs a value of {condition.key} in every trial: add {condition.key} to "
                f"the space, or `{condition.key}=VALUE` to the command."
            )
        elif reader.can_hold(condition, always[condition.key], configured.get(condition.key)):
            for parameter in [replace(one, condition=condition) for one in searched]:
                _check_disjoint(parameter, [*always.values(), *conditional])
                conditional.append(parameter)
    return Space((*always.values(), *conditional)), [str(override.input_line) for override in fixed.values()]


def _fixed_text(override: Override) -> str | None:
    """The value that an override sets; None if it deletes the setting."""
    return None if override.is_delete() else hydra_text(override._value)


def _check_disjoint(parameter: Parameter, others: Iterable[Parameter]) -> None:
    """Raise `UserError` if another parameter can search the same setting in the same trial."""
    for other in others:
        if other.key != parameter.key:
            continue
        one, two = parameter.condition, other.condition
        if one is None or two is None:
            raise UserError(
                f"`{parameter.key}` is searched both in every trial and under a condition: remove it from `space` or "
                "from `when`."
            )
        if one.key != two.key or set(one.values) & set(two.values):
            raise UserError(
                f"`{parameter.key}` is searched under two conditions that can hold in the same trial, `{two}` and "
                f"`{one}`: use values of one setting that exclude each other."
            )


class _Reader:
    """Read parameters and conditions."""

    def __init__(self, grammar: Grammar) -> None:
        self.grammar = grammar

    def parameters(self, ranges: Mapping[str, Any]) -> dict[str, Parameter]:
        """The parameters of a mapping from settings to ranges."""
        found: dict[str, Parameter] = {}
        for setting, given in _entries(ranges):
            if isinstance(given, str):
                override = self.grammar.parse([f"{setting}={given}"])[0]
            else:
                # A YAML list is a choice. Any other value is not a sweep, which `parameter` reports.
                value = ChoiceSweep(list=list(given)) if isinstance(given, list | tuple) else given
                kind = ValueType.CHOICE_SWEEP if isinstance(value, Sweep) else ValueType.ELEMENT
                override = replace(
                    self.grammar.parse([f"{setting}="])[0],
                    value_type=kind,
                    _value=value,
                    input_line=f"{setting}={given}",
                )
            if setting_of(override) in found:
                raise UserError(f"`{setting_of(override)}` is in the space twice: remove one entry.")
            found[setting_of(override)] = self.parameter(override)
        return found

    def parameter(self, override: Override) -> Parameter:
        """The parameter that an override with several values describes."""
        entry, value = f"`{override.input_line}`", override._value
        if override.is_delete() or not override.is_sweep_override():
            raise UserError(
                f"{entry} must have several values: choice(…), range(…) or interval(…). Give a single value on the "
                f"command line, or as choice({(override.input_line or '').partition('=')[2] or 'VALUE'})."
            )
        unknown_tags = (value.tags if isinstance(value, Sweep) else set()) - {"log"}
        if unknown_tags:
            raise UserError(f"{entry} has the tag {', '.join(sorted(unknown_tags))}, but the only tag is log.")
        if isinstance(value, IntervalSweep):
            found = interval_range(entry, value)
        elif isinstance(value, RangeSweep):
            found = stepped_range(entry, value)
        else:
            found = choice_range(entry, self._choices(entry, override), value)
        prefix = override.get_key_element().removesuffix(setting_of(override))
        return Parameter(setting_of(override), *found, prefix=prefix)

    def condition(self, written: str) -> Condition:
        """A condition as it is written under `when`: SETTING=VALUE, or SETTING=VALUE,VALUE for any of these values."""
        override = self.grammar.parse([str(written)])[0]
        if override.value_type is ValueType.ELEMENT and override.type is OverrideType.CHANGE:
            values = [hydra_text(override._value)]
        elif override.is_discrete_sweep() and override.type is OverrideType.CHANGE:
            parameter = self.parameter(override)
            values = [parameter.text(value) for value in parameter.listed or ()]
        else:
            raise UserError(f"The condition `{written}` must be written SETTING=VALUE or SETTING=VALUE,VALUE.")
        self.grammar.check_group(override, values)
        return Condition(setting_of(override), tuple(values))

    def can_hold(self, condition: Condition, parameter: Parameter, configured: Parameter | None) -> bool:
        """Whether the parameter can take a value of the condition.

        `configured` is the parameter in the configuration, which the command line may have replaced.

        Raises:
            UserError: the condition can never hold, whatever the command line contains.
        """
        if parameter.listed is None:
            raise UserError(
                f"The condition `{condition}` needs a setting with a list of values, choice(…) or range(…). "
                f"Received {condition.key} in {parameter.written}."
            )
        possible = {parameter.text(value) for value in parameter.listed}
        known = set(possible)
        if configured is not None:
            known |= {configured.text(value) for value in configured.listed or ()}
        for value in condition.values:
            if value not in known and value not in self.grammar.choices_of_group(condition.key):
                raise unknown(f"value of {condition.key} in the condition `{condition}`", value, possible)
        return bool(possible & set(condition.values))

    def _choices(self, entry: str, override: Override) -> list[str]:
        """The values of a choice or a glob, as Hydra writes them."""
        value = override._value
        if isinstance(value, Glob):
            choices = self.grammar.choices_of_group(override.key_or_group)
            found = value.filter(choices)
            if not found:
                raise UserError(f"{entry} matches no file. Available: {', '.join(choices) or 'none'}.")
            return found
        assert isinstance(value, ChoiceSweep)
        if any(isinstance(one, Sweep | Glob) for one in value.list):
            raise UserError(f"{entry} has a range within a choice: list the values of the range instead.")
        if not value.list:
            raise UserError(f"{entry} must list at least one value.")
        values = [hydra_text(one) for one in value.list]
        self.grammar.check_group(override, values)
        return values


def _entries(ranges: Mapping[Any, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """The entries of nested mappings by dotted names; an empty mapping is an entry, so that it can be refused."""
    for name, value in ranges.items():
        if isinstance(value, Mapping) and value:
            yield from _entries(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value
