"""The space that a sweep searches, read from Hydra's own words into Optuna's distributions, and back into overrides.

    space:
      optimizer.learning_rate: tag(log, interval(0.001, 0.3))
      model: choice(lecture_cnn, lenet5)
    when:
      model=lecture_cnn: {model.options.units: "range(20, 201, 20)"}

The words are those of Hydra's override grammar (hydra.cc/docs/advanced/override_grammar/extended). A parameter under
`when` is searched only in trials that meet its condition.
"""

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import product
from random import Random
from typing import Any, NamedTuple

from hydra.core.config_loader import ConfigLoader
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import (
    ChoiceSweep,
    Glob,
    IntervalSweep,
    Override,
    OverrideType,
    Quote,
    QuotedString,
    RangeSweep,
    Sweep,
    ValueType,
)
from hydra.errors import HydraException
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import BaseTrial

from pipeline.errors import UserError, unknown

Value = str | int | float
"""A value of a parameter as Optuna keeps it: a choice is the text that Hydra reads it from."""

MOST_LISTED = 100_000
"""More values than this are no list that anybody wants to see tried."""


@dataclass(frozen=True)
class Condition:
    """The parameter of this key, which is searched in every trial, has one of these values (as Hydra writes them)."""

    key: str
    values: tuple[str, ...]

    def holds(self, chosen: Mapping[str, str]) -> bool:
        """Whether it is met by a trial with these values by key."""
        return chosen.get(self.key) in self.values

    def __str__(self) -> str:
        """The condition as it is written under `when`."""
        return f"{self.key}={','.join(self.values)}"


@dataclass(frozen=True)
class Parameter:
    """A setting that is searched.

    `key` is the setting without the `prefix` (+, ++) that its override may need; `written` is its range in Hydra's
    words, spelt the same however it was typed; `listed` holds its values in Hydra's order, None where there are too
    many.
    """

    key: str
    written: str
    distribution: BaseDistribution
    listed: Sequence[Value] | None
    condition: Condition | None = None
    prefix: str = ""

    @property
    def name(self) -> str:
        """The name in Optuna's study: one key may be searched differently under several conditions."""
        return f"{self.key} ({self.condition})" if self.condition else self.key

    def text(self, value: Value) -> str:
        """The value as Hydra writes it, with every digit."""
        if isinstance(value, str):
            return value
        if isinstance(self.distribution, IntDistribution):
            return str(int(value))
        if self.listed is None:
            return repr(float(value))
        # Optuna counts steps otherwise than Hydra, which shows in the last digit: 0.30000000000000004 for 0.3.
        return repr(min((float(one) for one in self.listed), key=lambda one: abs(one - float(value))))

    def override(self, value: Value) -> str:
        """What gives the setting this value on Hydra's command line."""
        return f"{self.prefix}{self.key}={self.text(value)}"


@dataclass(frozen=True)
class Space:
    """What a sweep searches: the parameters of every trial, then those that depend on a condition."""

    parameters: tuple[Parameter, ...]

    def suggest(self, trial: BaseTrial) -> list[str]:
        """The overrides that make the trial, with the values that its study's sampler proposes."""
        chosen: dict[str, str] = {}
        overrides = []
        for parameter in self.parameters:
            if parameter.condition is None or parameter.condition.holds(chosen):
                value = _suggested(trial, parameter)
                chosen[parameter.key] = parameter.text(value)
                overrides.append(parameter.override(value))
        return overrides

    def grid(self) -> Iterator[dict[str, Value]]:
        """Every combination of values, by the parameters' names; the last parameter varies fastest, as with Hydra.

        Raises:
            UserError: a parameter has no finite list of values.
        """
        always = [parameter for parameter in self.parameters if parameter.condition is None]
        for values in product(*map(_values, always)):
            for rest in product(*map(_values, self._conditional(always, values))):
                under = self._conditional(always, values)
                yield {
                    parameter.name: value for parameter, value in zip([*always, *under], [*values, *rest], strict=True)
                }

    @property
    def grid_size(self) -> int:
        """The number of combinations in the grid; raises as `grid` does."""
        for parameter in self.parameters:
            _values(parameter)
        deciding_keys = {parameter.condition.key for parameter in self.parameters if parameter.condition}
        always = [parameter for parameter in self.parameters if parameter.condition is None]
        deciding = [parameter for parameter in always if parameter.key in deciding_keys]
        free = math.prod(len(_values(parameter)) for parameter in always if parameter not in deciding)
        return free * sum(
            math.prod(len(_values(parameter)) for parameter in self._conditional(deciding, values))
            for values in product(*map(_values, deciding))
        )

    def _conditional(self, always: Sequence[Parameter], values: Sequence[Value]) -> list[Parameter]:
        """The parameters whose condition holds for the values of those that are always searched."""
        chosen = {parameter.key: parameter.text(value) for parameter, value in zip(always, values, strict=True)}
        return [parameter for parameter in self.parameters if parameter.condition and parameter.condition.holds(chosen)]

    @property
    def written(self) -> dict[str, dict[str, Any]]:
        """The space in Hydra's words, as `space` and `when`: two spaces are the same if and only if these are."""
        when: dict[str, dict[str, str]] = {}
        for parameter in self.parameters:
            if parameter.condition:
                when.setdefault(str(parameter.condition), {})[parameter.key] = parameter.written
        space = {parameter.key: parameter.written for parameter in self.parameters if not parameter.condition}
        return {"space": space, "when": when}


def _suggested(trial: BaseTrial, parameter: Parameter) -> Value:
    name, wanted = parameter.name, parameter.distribution
    if isinstance(wanted, CategoricalDistribution):
        return str(trial.suggest_categorical(name, wanted.choices))
    if isinstance(wanted, IntDistribution):
        return trial.suggest_int(name, wanted.low, wanted.high, step=wanted.step, log=wanted.log)
    assert isinstance(wanted, FloatDistribution)
    return trial.suggest_float(name, wanted.low, wanted.high, step=wanted.step, log=wanted.log)


def _values(parameter: Parameter) -> Sequence[Value]:
    if parameter.listed is None:
        raise UserError(
            f"`{parameter.name}` must list its values for a grid: choice(…) or range(start, stop, step). "
            f"Received {parameter.written}."
        )
    if isinstance(parameter.distribution, FloatDistribution):
        # The last digit of Hydra's last value may lie beyond Optuna's bound.
        return [min(float(value), parameter.distribution.high) for value in parameter.listed]
    return parameter.listed


def read_space(
    space: Mapping[str, Any],
    when: Mapping[str, Mapping[str, Any] | None],
    arguments: Sequence[str],
    config_loader: ConfigLoader,
) -> tuple[Space, list[str]]:
    """The space that a configuration and a command line describe together, and the overrides that stay fixed.

    `space` maps settings to their ranges, each a text in Hydra's words or a list of choices, and `when` conditions to
    such mappings. `arguments` are the overrides of the command line, which come before both: one that sweeps replaces
    a setting's range wherever it stands, any other takes the setting out of the space. A condition on what is fixed
    is resolved: its parameters are searched always, or never.

    Raises:
        UserError: a range that cannot be searched, or a condition that cannot be met.
    """
    reader = _Reader(config_loader)
    always = reader.parameters(space)
    before = dict(always)
    given: dict[str, Override] = {}
    for override in reader.parsed(arguments):
        given[_key(override)] = override
        if override.is_sweep_override():
            always[_key(override)] = reader.parameter(override)
        else:
            always.pop(_key(override), None)
    fixed = {key: override for key, override in given.items() if not override.is_sweep_override()}
    conditional: list[Parameter] = []
    blocks = [(reader.condition(written), block) for written, block in when.items()]
    # Those on fixed settings first: what they make a parameter of every trial may itself decide upon others.
    for condition, block in sorted(blocks, key=lambda one: one[0].key not in fixed):
        searched = [one for key, one in reader.parameters(block or {}).items() if key not in given]
        if condition.key in fixed:
            if reader.fixed_text(fixed[condition.key]) in condition.values:
                for parameter in searched:
                    _check_apart(parameter, always.values())
                    always[parameter.key] = parameter
        elif condition.key not in always:
            raise UserError(
                f"The condition `{condition}` must be on a setting that is searched in every trial or given on the "
                f"command line: add {condition.key} to the space, or `{condition.key}=VALUE` to the command."
            )
        elif reader.can_hold(condition, always[condition.key], before.get(condition.key)):
            for parameter in [replace(one, condition=condition) for one in searched]:
                _check_apart(parameter, [*always.values(), *conditional])
                conditional.append(parameter)
    return Space((*always.values(), *conditional)), [str(override.input_line) for override in fixed.values()]


def difference(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What differs between two nested mappings of JSON values, a line for each entry.

    >>> difference({"space": {"seed": "range(0, 2)"}}, {"space": {"seed": "range(0, 3)"}, "trials": 9})
    ['space.seed: range(0, 2) before, range(0, 3) now', 'trials: nothing before, 9 now']
    """
    then, since = dict(_flattened(before)), dict(_flattened(now))
    return [
        f"{name}: {_shown(then, name)} before, {_shown(since, name)} now"
        for name in {**then, **since}
        if _shown(then, name) != _shown(since, name)
        # An empty mapping is no entry where the other side shows what it lacks.
        and not any(other.startswith(f"{name}.") for other in (*then, *since))
    ]


def _shown(entries: Mapping[str, Any], name: str) -> str:
    if name not in entries:
        return "nothing"
    return entries[name] if isinstance(entries[name], str) else json.dumps(entries[name])


def _flattened(entries: Mapping[Any, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """The entries of nested mappings by dotted names."""
    for name, value in entries.items():
        if isinstance(value, Mapping) and value:
            yield from _flattened(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def _key(override: Override) -> str:
    """The setting without + or ~."""
    return override.get_key_element().lstrip("+~")


def _check_apart(parameter: Parameter, others: Iterable[Parameter]) -> None:
    """Refuse a parameter whose setting another one searches in the same trial."""
    for other in others:
        if other.key != parameter.key:
            continue
        one, two = parameter.condition, other.condition
        if one is None or two is None:
            raise UserError(
                f"`{parameter.key}` must not be searched both in every trial and under a condition: remove it from "
                "`space` or from `when`."
            )
        if one.key != two.key or set(one.values) & set(two.values):
            raise UserError(
                f"`{parameter.key}` must not be searched under two conditions that can hold in the same trial. "
                f"Received `{two}` and `{one}`: make them values of one setting that exclude each other."
            )


class _Reader:
    """Reads Hydra's override grammar; every mistake is the user's."""

    def __init__(self, config_loader: ConfigLoader) -> None:
        self._config_loader = config_loader
        self._parser = OverridesParser.create(config_loader)
        whole = self._parser.functions.functions["int"]

        def checked_int(*values: Any, value: Any = None) -> Any:
            # Hydra's own would cut interval(1.5, 9) down to 1.
            for one in (*values, value):
                if isinstance(one, IntervalSweep) and not (_is_whole(one.start) and _is_whole(one.end)):
                    raise ValueError(f"int needs an interval between whole numbers, not {_interval_text(one)}")
            return whole(*values, value=value)

        self._parser.functions.functions["int"] = checked_int

    def parsed(self, overrides: Sequence[str]) -> list[Override]:
        """The overrides as Hydra understands them."""
        found = []
        for written in overrides:
            try:
                found += self._parser.parse_overrides([written])
            except HydraException as problem:
                raise UserError(f"`{written}` cannot be read: {_reason(problem)}") from None
        return found

    def parameters(self, ranges: Mapping[str, Any]) -> dict[str, Parameter]:
        """The parameters of a mapping from settings to what they range over."""
        found: dict[str, Parameter] = {}
        for setting, given in _flattened(ranges):
            if isinstance(given, str):
                override = self.parsed([f"{setting}={given}"])[0]
            else:
                # A list of YAML's is a choice; any other value is none, and told as such.
                value = ChoiceSweep(list=list(given)) if isinstance(given, list | tuple) else given
                kind = ValueType.CHOICE_SWEEP if isinstance(value, Sweep) else ValueType.ELEMENT
                override = replace(
                    self.parsed([f"{setting}="])[0], value_type=kind, _value=value, input_line=f"{setting}={given}"
                )
            if _key(override) in found:
                raise UserError(f"`{_key(override)}` must stand in the space once: remove the other entry.")
            found[_key(override)] = self.parameter(override)
        return found

    def parameter(self, override: Override) -> Parameter:
        """What an override that sweeps searches."""
        entry, value = f"`{override.input_line}`", override._value
        if override.is_delete() or not override.is_sweep_override():
            raise UserError(
                f"{entry} must name several values to search: choice(…), range(…) or interval(…). A single one is "
                f"given on the command line, or as choice({(override.input_line or '').partition('=')[2] or 'VALUE'})."
            )
        unknown_tags = (value.tags if isinstance(value, Sweep) else set()) - {"log"}
        if unknown_tags:
            raise UserError(f"{entry} must have no tag but log. Received {', '.join(sorted(unknown_tags))}.")
        if isinstance(value, IntervalSweep):
            found = _interval(entry, value)
        elif isinstance(value, RangeSweep):
            found = _range(entry, value)
        else:
            found = _choice(entry, self._choices(entry, override), value)
        prefix = override.get_key_element().removesuffix(_key(override))
        return Parameter(_key(override), *found, prefix=prefix)

    def condition(self, written: str) -> Condition:
        """A condition as it stands under `when`: KEY=VALUE, or several values of which any will do."""
        entry, override = f"The condition `{written}`", self.parsed([str(written)])[0]
        if override.value_type is ValueType.ELEMENT and override.type is OverrideType.CHANGE:
            values = [_text(override._value)]
        elif override.is_discrete_sweep() and override.type is OverrideType.CHANGE:
            parameter = self.parameter(override)
            values = [parameter.text(value) for value in parameter.listed or ()]
        else:
            raise UserError(f"{entry} must be written SETTING=VALUE or SETTING=VALUE,VALUE.")
        self._check_group(override, values)
        return Condition(_key(override), tuple(values))

    def can_hold(self, condition: Condition, parameter: Parameter, before: Parameter | None) -> bool:
        """Whether the parameter takes a value of the condition; `before` is what the command line replaced.

        Raises:
            UserError: it never could, whatever the command line says.
        """
        if parameter.listed is None:
            raise UserError(
                f"The condition `{condition}` must be on a setting with a list of values, choice(…) or range(…). "
                f"{condition.key} is searched in {parameter.written}."
            )
        possible = {parameter.text(value) for value in parameter.listed}
        known = possible | {before.text(value) for value in (before.listed or () if before else ()) if before}
        for value in condition.values:
            if value not in known and value not in self._options(condition.key):
                raise unknown(f"value of {condition.key} in the condition `{condition}`", value, possible)
        return bool(possible & set(condition.values))

    def fixed_text(self, override: Override) -> str | None:
        """The value that an override gives; None where it takes the setting away."""
        return None if override.is_delete() else _text(override._value)

    def _choices(self, entry: str, override: Override) -> list[str]:
        """The values of a choice or a glob, as Hydra writes them."""
        value = override._value
        if isinstance(value, Glob):
            options = self._options(override.key_or_group)
            found = value.filter(options)
            if not found:
                raise UserError(f"{entry} fits nothing. Available: {', '.join(options) or 'none'}.")
            return found
        assert isinstance(value, ChoiceSweep)
        if any(isinstance(one, Sweep | Glob) for one in value.list):
            raise UserError(f"{entry} must not hold a range within a choice: write its values out.")
        if not value.list:
            raise UserError(f"{entry} must name at least one value.")
        choices = [_text(one) for one in value.list]
        self._check_group(override, choices)
        return choices

    def _options(self, group: str) -> list[str]:
        """The files of a config group; none where the setting is no group."""
        return self._config_loader.get_group_options(group, results_filter=ObjectType.CONFIG)

    def _check_group(self, override: Override, values: Sequence[str]) -> None:
        """Refuse the name of a file that a config group does not have."""
        options = self._options(override.key_or_group)
        for value in values if options else ():
            if re.fullmatch(r"[\w-]+", value) and value not in (*options, "null"):
                raise unknown(override.key_or_group, value, options)


class _Range(NamedTuple):
    """What a parameter ranges over: the first fields of `Parameter` after its key."""

    written: str
    distribution: BaseDistribution
    listed: Sequence[Value] | None


def _choice(entry: str, choices: list[str], sweep: Any) -> _Range:
    for place, value in enumerate(choices):
        if value in choices[:place]:
            raise UserError(f"{entry} must name each value once. Received {value} twice.")
    if getattr(sweep, "tags", None):
        raise UserError(f"{entry} must be an interval or a range to be searched on a logarithmic scale.")
    shuffled = getattr(sweep, "shuffle", False)
    written = f"choice({', '.join(choices)})"
    return _Range(
        f"shuffle({written})" if shuffled else written,
        CategoricalDistribution(choices),
        _shuffled(choices) if shuffled else choices,
    )


def _range(entry: str, sweep: RangeSweep) -> _Range:
    start, stop, step, log = sweep.start or 0, sweep.stop or 0, sweep.step, "log" in sweep.tags
    if step == 0 or not all(map(math.isfinite, (start, stop, step))):
        raise UserError(f"{entry} must be a range of finite numbers with a step other than 0.")
    if (stop - start) / step > MOST_LISTED:
        raise UserError(f"{entry} must list {MOST_LISTED} values at most: take a larger step, or an interval.")
    listed: list[Any] = list(sweep.range())
    if not listed:
        raise UserError(f"{entry} must hold a value: range(start, stop, step) ends before `stop`.")
    if log and (isinstance(listed[0], float) or abs(step) != 1 or min(listed) < 1):
        raise UserError(f"{entry} must be whole numbers from 1 on, with step 1, to be searched on a logarithmic scale.")
    written = f"range({start!r}, {stop!r}{f', {step!r}' if step != 1 else ''})"
    if log:
        written = f"tag(log, {written})"
    if sweep.shuffle:
        written, listed = f"shuffle({written})", _shuffled(listed)
    if isinstance(listed[0], int):
        return _Range(written, IntDistribution(min(listed), max(listed), log=log, step=abs(int(step))), listed)
    stepped = _stepped(listed, abs(step))
    if stepped is not None:
        return _Range(written, stepped, listed)
    choices = [repr(value) for value in listed]
    return _Range(written, CategoricalDistribution(choices), choices)


def _stepped(listed: Sequence[float], step: float) -> FloatDistribution | None:
    """Optuna's distribution over these values; None where they have more digits than it counts with."""
    low, exact_step = min(listed), Decimal(repr(step))
    high = float(Decimal(repr(low)) + (len(listed) - 1) * exact_step)
    if (Decimal(repr(high)) - Decimal(repr(low))) % exact_step:
        return None
    return FloatDistribution(low, high, step=step)


def _interval(entry: str, sweep: IntervalSweep) -> _Range:
    low, high, log = sweep.start or 0.0, sweep.end or 0.0, "log" in sweep.tags
    if not (low < high and math.isfinite(low) and math.isfinite(high)):
        raise UserError(f"{entry} must be an interval from a finite number to a greater one.")
    if log and low <= 0:
        raise UserError(f"{entry} must begin above 0 to be searched on a logarithmic scale.")
    whole = isinstance(sweep.start, int)
    written = f"int({_interval_text(sweep)})" if whole else _interval_text(sweep)
    return _Range(
        f"tag(log, {written})" if log else written,
        IntDistribution(int(low), int(high), log=log) if whole else FloatDistribution(low, high, log=log),
        range(int(low), int(high) + 1) if whole and high - low < MOST_LISTED else None,
    )


def _interval_text(sweep: IntervalSweep) -> str:
    return f"interval({', '.join(repr(float(end or 0)).removesuffix('.0') for end in (sweep.start, sweep.end))})"


def _is_whole(number: float | None) -> bool:
    return number is not None and float(number).is_integer()


def _shuffled(values: Sequence[Any]) -> list[Any]:
    """The values in an order that is mixed, and the same whenever the sweep goes on."""
    return Random(0).sample(values, len(values))


def _text(value: Any) -> str:
    """A value as Hydra writes it; text that would be read back as something else gets quotes.

    >>> _text([8, "8", None, 0.1, QuotedString("a,b", Quote.double)])
    "[8,'8',null,0.1,a\\\\,b]"
    """
    if isinstance(value, QuotedString):
        return _text(value.text)
    if isinstance(value, list | tuple):
        return f"[{','.join(map(_text, value))}]"
    if isinstance(value, dict):
        return (
            f"{{{','.join(f'{Override._get_value_element_as_str(key)}:{_text(one)}' for key, one in value.items())}}}"
        )
    plain = Override._get_value_element_as_str(value)
    return QuotedString(value, Quote.single).with_quotes() if isinstance(value, str) and not _is_plain(plain) else plain


def _is_plain(text: str) -> bool:
    """Whether Hydra reads this as text without quotes around it."""
    try:
        return isinstance(OverridesParser.create().parse_override(f"key={text}")._value, str) and text != ""
    except HydraException:
        return False


def _reason(problem: HydraException) -> str:
    """Why Hydra cannot read an override, in one sentence."""
    below: BaseException | None = problem.__cause__
    while below is not None and below.__cause__ is not None:
        below = below.__cause__
    if below is None:
        return (
            "write choice(a, b), range(start, stop, step), interval(low, high) or tag(log, interval(low, high)), and "
            "quote blanks and brackets within a value."
        )
    name = re.search(r"Unknown function '(\w+)'", str(below))
    if name:
        return str(unknown("function", name[1], OverridesParser.create().functions.functions))
    return f"{str(below).splitlines()[0].rstrip('.')}."
