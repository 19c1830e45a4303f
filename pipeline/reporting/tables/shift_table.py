"""How consistent the networks are under shifts and rotations, one row per model."""

from collections.abc import Mapping
from typing import Any

from pipeline.reporting.tables.text_table import Table
from pipeline.reporting.text import quantities

COLUMNS = {
    "shift_consistency": "shift",
    "subpixel_consistency": "sub-pixel shift",
    "phase_consistency": "phase shift",
    "circular_consistency": "circular shift",
    "rotation_consistency": "rotation",
    "equivariance_error": "equivariance error ↓",
}
"""Heading of each number of `pipeline.interpretation.shift_scores.measure_shifts`."""


def values_of(measured: Mapping[str, Any], name: str) -> tuple[float, ...]:
    """The values of a number in the replicates that have one."""
    return tuple(one[name] for one in measured["replicates"] if one[name] is not None)


def shift_table(measured: Mapping[str, Mapping[str, Any]]) -> Table:
    """The consistencies and the equivariance error of each model, the most consistent under shifts first."""
    values = {model: [values_of(one, name) for name in COLUMNS] for model, one in measured.items()}
    # A model without a value is last: NaN has its own key, because it compares false with everything.
    ordered = sorted(
        values, key=lambda model: (not values[model][0], -quantities.mean(values[model][0] or (0.0,)), model)
    )
    return Table(
        caption="Share of test images of which two randomly moved copies get the same class, and equivariance error of "
        "the deepest maps; mean ± standard deviation over replicates. ↓ marks the number that should be low.",
        header=("model", *COLUMNS.values()),
        rows=tuple((model, *map(quantities.spread, values[model])) for model in ordered),
        keys=tuple((None, *map(quantities.mean, values[model])) for model in ordered),
    )
