"""The layer table of a network as text: one line per layer, and the totals."""

from collections.abc import Sequence

from pipeline.arithmetic.sizes import shape_text
from pipeline.arithmetic.table import LayerRow, totals
from pipeline.reporting.text.quantities import count

HEADER = ("layer", "kind", "output", "parameters", "connections", "mult.–acc.", "field", "stride", "padding", "inputs")
NUMBERS = slice(3, 6)
SHOWN_INPUTS = 3
NONE = "–"
UNKNOWN = "?"


def layer_lines(rows: Sequence[LayerRow]) -> tuple[str, ...]:
    """Return a header and one line per layer, aligned in columns.

    The inputs of a layer are listed unless its only input is the layer of the line above. The receptive field is `all`
    if it covers the whole image, and `undefined` if it has no fixed size.
    """
    cells = [HEADER, *(_cells(row, rows[place - 1].name if place else None) for place, row in enumerate(rows))]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return tuple(_line(line, widths) for line in cells)


def total_lines(rows: Sequence[LayerRow]) -> tuple[str, ...]:
    """Return the totals of the network for one image."""
    total = totals(rows)
    bound = "at least " if total.uncounted else ""
    shared = sum(row.use > 1 for row in rows)
    return (
        f"{count(len(rows))} layers" + (f", {count(shared)} of them used again" if shared else ""),
        f"{count(total.parameters)} parameters, {binary(total.parameter_bytes)} in float32",
        f"{bound}{count(total.connections)} connections, including biases",
        f"{bound}{count(total.multiply_accumulates)} multiply–accumulates per image",
        f"{count(total.activations)} activations per image, {binary(total.activation_bytes)} in float32; "
        f"at most {binary(total.largest_activation_bytes)} are needed at the same time",
        *([f"not counted, because there is no rule: {', '.join(total.uncounted)}"] if total.uncounted else []),
    )


def binary(size: int) -> str:
    """Format a size in bytes, KiB (1024 bytes) and so on.

    >>> binary(1000), binary(1536), binary(553430176)
    ('1000 B', '1.5 KiB', '527.8 MiB')
    """
    if size < 1024:
        return f"{size} B"
    power = next(power for power in (1, 2, 3, 4) if power == 4 or round(size / 1024**power, 1) < 1024)
    return f"{size / 1024**power:.1f} {'KMGT'[power - 1]}iB"


def _cells(row: LayerRow, previous: str | None) -> tuple[str, ...]:
    field = {"image": "all", "undefined": "undefined", "nothing": NONE}.get(row.sees) or _shape(row.receptive_field)
    named = () if row.inputs == (previous,) else row.inputs
    more = f", … ({len(named)})" if len(named) > SHOWN_INPUTS else ""
    return (
        row.name,
        row.kind,
        _shape(row.output_shape),
        count(row.parameters),
        UNKNOWN if row.connections is None else count(row.connections),
        UNKNOWN if row.multiply_accumulates is None else count(row.multiply_accumulates),
        field,
        _shape(row.stride),
        _shape(row.padding),
        ", ".join(named[:SHOWN_INPUTS]) + more,
    )


def _shape(sides: Sequence[int] | None) -> str:
    return NONE if sides is None else shape_text(sides)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    aligned = [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
    aligned[NUMBERS] = [cell.rjust(width) for cell, width in zip(cells[NUMBERS], widths[NUMBERS], strict=True)]
    return "  ".join(aligned).rstrip()
