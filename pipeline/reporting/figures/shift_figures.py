"""How the networks treat shifts and rotations: accuracy by distance and angle, equivariance error by depth."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pipeline.reporting.figures.style import DASHED, MUTED, RULE, LineStyle, new_figure, styled

Measured = Mapping[str, Any]
"""The result of `pipeline.interpretation.shift_scores.measure_shifts` for one model."""

ERRORS = {
    "inner": "Shift, away from the border",
    "shift": "Shift, all units",
    "pixel": "Shift by one pixel",
    "turn": "Quarter turn",
}
"""Title of each panel, by the key of the error."""


class Line(NamedTuple):
    """Values of one model, means over the replicates that have one; arrays of equal length."""

    x: np.ndarray
    y: np.ndarray


class Reactions(NamedTuple):
    """Accuracy by model, against the distance of a shift in pixels and the angle of a rotation in degrees.

    `largest_shift` and `largest_angle` limit the random moves that the consistencies are measured with.
    """

    shift: Mapping[str, Line]
    rotation: Mapping[str, Line]
    largest_shift: float
    largest_angle: float


def reactions(measured: Mapping[str, Measured]) -> Reactions | None:
    """Gather the accuracies of all models; None if every network always predicts one class."""
    shift = _lines({model: (one["curve"]["shift"], "distances") for model, one in measured.items()})
    rotation = _lines({model: (one["curve"]["rotation"], "angles") for model, one in measured.items()})
    if not shift:
        return None
    setting = next(iter(measured.values()))["setting"]
    return Reactions(shift, rotation, setting["largest_shift"], setting["largest_angle"])


def _lines(curves: Mapping[str, tuple[Mapping[str, Any], str]]) -> dict[str, Line]:
    known = {
        model: (curve[x], [values for values in curve["accuracy"] if values is not None])
        for model, (curve, x) in curves.items()
    }
    return {model: Line(np.array(x), np.mean(values, axis=0)) for model, (x, values) in known.items() if values}


def equivariance_lines(measured: Mapping[str, Measured]) -> dict[str, dict[str, Line]]:
    """Return the errors by depth of each model, by the key of the error, means over the replicates that have one.

    Each depth has the error of its last layer, before the next layer with weights. Shortcuts are left out. Models
    without an error are missing.
    """
    return {
        kind: {
            model: Line(np.array(list(by_depth)), np.array(list(by_depth.values())))
            for model, one in measured.items()
            if (by_depth := _by_depth(one["layers"], kind))
        }
        for kind in ERRORS
    }


def _by_depth(layers: Sequence[Mapping[str, Any]], kind: str) -> dict[int, float]:
    found: dict[int, float] = {}
    deepest = 0
    for layer in layers:
        deepest = max(deepest, layer["depth"])
        values = [value for value in layer[kind] if value is not None]
        if layer["depth"] == deepest and values:
            found[deepest] = float(np.mean(values))
    return found


@styled
def reactions_figure(values: Reactions, styles: Mapping[str, LineStyle]) -> Figure:
    """Draw the accuracy against the distance of a shift beside that against the angle of a rotation."""
    figure = new_figure(3.4, width=7.0)
    left, right = figure.subplots(1, 2, sharey=True)
    for axes, lines, limit, label in (
        (left, values.shift, values.largest_shift, "shift in pixels"),
        (right, values.rotation, values.largest_angle, "rotation in degrees"),
    ):
        axes.axvline(
            limit, color=MUTED, lw=0.8, ls=DASHED, label="largest random shift, rotation" if axes is left else None
        )
        _draw(axes, lines, styles)
        axes.set(ylim=(0, 1.02), xlabel=label)
    left.set(ylabel="accuracy")
    left.xaxis.set_major_locator(MaxNLocator(integer=True))
    right.set_xticks(next(iter(values.rotation.values())).x)
    left.set_title("Shift up, down, left or right")
    right.set_title("Rotation in either direction")
    _legend(figure, left)
    return figure


@styled
def equivariance_figure(lines: Mapping[str, Mapping[str, Line]], styles: Mapping[str, LineStyle]) -> Figure:
    """Draw the errors of all models against depth, one panel for each kind of error."""
    figure = new_figure(5.2, width=7.0)
    panels = figure.subplots(2, 2, sharex=True, sharey=True).ravel()
    highest = max((line.y.max() for by_model in lines.values() for line in by_model.values()), default=1.0)
    for axes, (kind, title) in zip(panels, ERRORS.items(), strict=True):
        _draw(axes, lines[kind], styles)
        axes.set(ylim=(-0.05 * max(highest, 1.0), 1.08 * max(highest, 1.0)))
        axes.set_title(title)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    for axes in panels[2:]:
        axes.set_xlabel("depth (layers with weights)")
    for axes in panels[::2]:
        axes.set_ylabel("equivariance error (0: exact)")
    _legend(figure, panels[1])
    return figure


def _draw(axes: Axes, lines: Mapping[str, Line], styles: Mapping[str, LineStyle]) -> None:
    for model, line in lines.items():
        style = styles[model]
        axes.plot(line.x, line.y, color=style.colour, ls=style.line, marker=style.marker, ms=3.5, lw=1.5, label=model)
    axes.grid(axis="y", color=RULE)


def _legend(figure: Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside lower center", ncols=3)
