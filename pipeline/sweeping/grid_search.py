"""Every combination of the values of a space, in the order of Hydra's basic sweeper."""

import math
from collections.abc import Iterator, Sequence
from itertools import product

from optuna.distributions import FloatDistribution

from pipeline.errors import UserError
from pipeline.sweeping.space import Parameter, Space, Value


def combinations(space: Space) -> Iterator[dict[str, Value]]:
    """Yield every combination as values by parameter name; the last parameter varies fastest.

    Raises:
        UserError: a parameter has no finite list of values.
    """
    always = space.unconditional
    for values in product(*map(_values, always)):
        conditional = _conditional(space, always, values)
        for rest in product(*map(_values, conditional)):
            yield {
                parameter.name: value
                for parameter, value in zip([*always, *conditional], [*values, *rest], strict=True)
            }


def combination_count(space: Space) -> int:
    """The number of combinations, computed without listing them.

    Raises:
        UserError: a parameter has no finite list of values.
    """
    for parameter in space.parameters:
        _values(parameter)
    deciding_keys = {parameter.condition.key for parameter in space.parameters if parameter.condition}
    deciding = [parameter for parameter in space.unconditional if parameter.key in deciding_keys]
    free = math.prod(len(_values(parameter)) for parameter in space.unconditional if parameter not in deciding)
    return free * sum(
        math.prod(len(_values(parameter)) for parameter in _conditional(space, deciding, values))
        for values in product(*map(_values, deciding))
    )


def _conditional(space: Space, parameters: Sequence[Parameter], values: Sequence[Value]) -> list[Parameter]:
    """The parameters whose condition holds if `parameters` have these values."""
    chosen = {parameter.key: parameter.text(value) for parameter, value in zip(parameters, values, strict=True)}
    return [parameter for parameter in space.parameters if parameter.condition and parameter.condition.holds(chosen)]


def _values(parameter: Parameter) -> Sequence[Value]:
    if parameter.listed is None:
        raise UserError(
            f"`{parameter.name}` has no finite list of values ({parameter.written}), but a grid tries every value: "
            "write choice(…) or range(start, stop, step), or use another sampler."
        )
    if isinstance(parameter.distribution, FloatDistribution):
        # The last digit of Hydra's last value may exceed Optuna's bound.
        return [min(float(value), parameter.distribution.high) for value in parameter.listed]
    return parameter.listed
