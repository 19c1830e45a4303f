"""Convert Hydra's sweeps (choice, range, interval) to Optuna's distributions."""

import math
from collections.abc import Sequence
from decimal import Decimal
from random import Random
from typing import Any, NamedTuple

from hydra.core.override_parser.types import IntervalSweep, RangeSweep
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from pipeline.errors import UserError
from pipeline.sweeping.space import Value

MOST_LISTED = 100_000
"""The longest list of values that a range may have."""


class Range(NamedTuple):
    """The range of a parameter: the fields of `Parameter` that follow its key."""

    written: str
    distribution: BaseDistribution
    listed: Sequence[Value] | None


def choice_range(entry: str, choices: list[str], sweep: Any) -> Range:
    """The range of a choice. `choices` are written as Hydra writes them; `entry` names the setting in messages."""
    for place, value in enumerate(choices):
        if value in choices[:place]:
            raise UserError(f"{entry} lists {value} twice: list each value once.")
    if getattr(sweep, "tags", None):
        raise UserError(f"{entry} has the tag log, but a choice has no scale: write an interval or a range.")
    shuffled = getattr(sweep, "shuffle", False)
    written = f"choice({', '.join(choices)})"
    return Range(
        f"shuffle({written})" if shuffled else written,
        CategoricalDistribution(choices),
        _shuffled(choices) if shuffled else choices,
    )


def stepped_range(entry: str, sweep: RangeSweep) -> Range:
    """The range of Hydra's range(start, stop, step)."""
    start, stop, step, log = sweep.start or 0, sweep.stop or 0, sweep.step, "log" in sweep.tags
    if step == 0 or not all(map(math.isfinite, (start, stop, step))):
        raise UserError(f"{entry} must have finite numbers and a step other than 0.")
    if (stop - start) / step > MOST_LISTED:
        raise UserError(f"{entry} must have at most {MOST_LISTED} values: use a larger step, or an interval.")
    listed: list[Any] = list(sweep.range())
    if not listed:
        raise UserError(f"{entry} is empty: range(start, stop, step) excludes `stop`.")
    if log and (isinstance(listed[0], float) or abs(step) != 1 or min(listed) < 1):
        raise UserError(f"{entry} must consist of whole numbers of at least 1 with step 1 to have the tag log.")
    written = f"range({start!r}, {stop!r}{f', {step!r}' if step != 1 else ''})"
    if log:
        written = f"tag(log, {written})"
    if sweep.shuffle:
        written, listed = f"shuffle({written})", _shuffled(listed)
    if isinstance(listed[0], int):
        return Range(written, IntDistribution(min(listed), max(listed), log=log, step=abs(int(step))), listed)
    distribution = _stepped(listed, abs(step))
    if distribution is not None:
        return Range(written, distribution, listed)
    choices = [repr(value) for value in listed]
    return Range(written, CategoricalDistribution(choices), choices)


def _stepped(listed: Sequence[float], step: float) -> FloatDistribution | None:
    """Optuna's distribution over these values; None if they have more digits than a float can count in steps."""
    low, exact_step = min(listed), Decimal(repr(step))
    high = float(Decimal(repr(low)) + (len(listed) - 1) * exact_step)
    if (Decimal(repr(high)) - Decimal(repr(low))) % exact_step:
        return None
    return FloatDistribution(low, high, step=step)


def interval_range(entry: str, sweep: IntervalSweep) -> Range:
    """The range of Hydra's interval(low, high); int(interval(low, high)) consists of whole numbers."""
    low, high, log = sweep.start or 0.0, sweep.end or 0.0, "log" in sweep.tags
    if not (low < high and math.isfinite(low) and math.isfinite(high)):
        raise UserError(f"{entry} must be an interval between two finite numbers, the smaller one first.")
    if log and low <= 0:
        raise UserError(f"{entry} must start above 0 to have the tag log.")
    whole = isinstance(sweep.start, int)
    written = f"int({interval_text(sweep)})" if whole else interval_text(sweep)
    return Range(
        f"tag(log, {written})" if log else written,
        IntDistribution(int(low), int(high), log=log) if whole else FloatDistribution(low, high, log=log),
        range(int(low), int(high) + 1) if whole and high - low < MOST_LISTED else None,
    )


def interval_text(sweep: IntervalSweep) -> str:
    """An interval in Hydra's grammar, without the tag."""
    return f"interval({', '.join(repr(float(end or 0)).removesuffix('.0') for end in (sweep.start, sweep.end))})"


def _shuffled(values: Sequence[Any]) -> list[Any]:
    """The values in a random order that is the same whenever the sweep is resumed."""
    return Random(0).sample(values, len(values))
