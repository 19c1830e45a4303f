"""The search space of a sweep: its parameters, their conditions, and the overrides that a proposal becomes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import BaseTrial

from pipeline.config.overrides import allow_new_options

Value = str | int | float
"""The value of a parameter in Optuna's storage. A choice is stored as the text that Hydra parses."""


@dataclass(frozen=True)
class Condition:
    """The setting `key` has one of `values`, each written as Hydra writes it.

    `key` is a parameter that is searched in every trial.
    """

    key: str
    values: tuple[str, ...]

    def holds(self, chosen: Mapping[str, str]) -> bool:
        """Whether a trial with these values, by key, meets the condition."""
        return chosen.get(self.key) in self.values

    def __str__(self) -> str:
        """The condition as it is written under `when`."""
        return f"{self.key}={','.join(self.values)}"


@dataclass(frozen=True)
class Parameter:
    """A setting that is searched.

    `key` is the name of the setting without the `prefix` (+ or ++) that its override may need. `written` is its range
    in Hydra's grammar, in one canonical spelling. `listed` holds its values in Hydra's order; it is None for a
    continuous range and for a list that is too long.
    """

    key: str
    written: str
    distribution: BaseDistribution
    listed: Sequence[Value] | None
    condition: Condition | None = None
    prefix: str = ""

    @property
    def name(self) -> str:
        """The name in Optuna's study, unique even if several conditions search the same setting."""
        return f"{self.key} ({self.condition})" if self.condition else self.key

    def text(self, value: Value) -> str:
        """The value as Hydra writes it, with all digits."""
        if isinstance(value, str):
            return value
        if isinstance(self.distribution, IntDistribution):
            return str(int(value))
        if self.listed is None:
            return repr(float(value))
        # Optuna rounds steps differently from Hydra: 0.30000000000000004 instead of 0.3.
        return repr(min((float(one) for one in self.listed), key=lambda one: abs(one - float(value))))

    def override(self, value: Value) -> str:
        """The override that sets the value, in Hydra's grammar."""
        return allow_new_options(f"{self.prefix}{self.key}={self.text(value)}")

    def suggest(self, trial: BaseTrial) -> Value:
        """Let the sampler of the trial's study propose a value."""
        wanted = self.distribution
        if isinstance(wanted, CategoricalDistribution):
            return str(trial.suggest_categorical(self.name, wanted.choices))
        if isinstance(wanted, IntDistribution):
            return trial.suggest_int(self.name, wanted.low, wanted.high, step=wanted.step, log=wanted.log)
        assert isinstance(wanted, FloatDistribution)
        return trial.suggest_float(self.name, wanted.low, wanted.high, step=wanted.step, log=wanted.log)


@dataclass(frozen=True)
class Space:
    """The parameters of a sweep: first those of every trial, then those that have a condition."""

    parameters: tuple[Parameter, ...]

    def suggest(self, trial: BaseTrial) -> list[str]:
        """The overrides of a trial, with the values that the sampler of its study proposes."""
        chosen: dict[str, str] = {}
        overrides = []
        for parameter in self.parameters:
            if parameter.condition is None or parameter.condition.holds(chosen):
                value = parameter.suggest(trial)
                chosen[parameter.key] = parameter.text(value)
                overrides.append(parameter.override(value))
        return overrides

    @property
    def unconditional(self) -> list[Parameter]:
        """The parameters that are searched in every trial."""
        return [parameter for parameter in self.parameters if parameter.condition is None]

    @property
    def written(self) -> dict[str, dict[str, Any]]:
        """The space in Hydra's grammar, as `space` and `when`. Equal spaces, and only they, are written equally."""
        when: dict[str, dict[str, str]] = {}
        for parameter in self.parameters:
            if parameter.condition:
                when.setdefault(str(parameter.condition), {})[parameter.key] = parameter.written
        return {"space": {parameter.key: parameter.written for parameter in self.unconditional}, "when": when}
