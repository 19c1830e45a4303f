"""Figures, text and numbers of the study on depth."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator
from scipy import stats

from pipeline.reporting.figures.style import DASHED, MUTED, RULE, line_styles, new_figure, styled
from pipeline.reporting.templates.rendering import template
from pipeline.reporting.text.quantities import count
from pipeline.studies.depth.depth_networks import START, VARIANTS, Variant
from pipeline.studies.digit_protocol import Measured
from pipeline.studies.digit_results import (
    Bar,
    bars,
    compared,
    interval_at,
    networks_table,
    pair_sentences,
    percent,
    percent_of,
    protocol_text,
    rates_table,
    record,
)

SIDE = 28
"""Of a digit, in pixels."""
FAMILIES = ("depth", "dilation", "kernel size")
SHALLOW, DEEP, DILATED = "1 convolution", "4 convolutions", "dilation 4"
SAME_FIELD = ("3 convolutions", DILATED, "kernels 7 × 7")
"""Networks whose receptive field is 22 pixels."""
PAIRS = (
    (START, SHALLOW),
    ("3 convolutions", START),
    (DEEP, "3 convolutions"),
    ("dilation 2", START),
    ("dilation 3", "dilation 2"),
    (DILATED, "dilation 3"),
    (DILATED, START),
    ("kernels 5 × 5", START),
    ("kernels 7 × 7", "kernels 5 × 5"),
    (SAME_FIELD[0], SAME_FIELD[1]),
    (SAME_FIELD[0], SAME_FIELD[2]),
)
"""The pairs that answer the question."""


CHANCE = 0.2
"""A test accuracy up to this is that of a training that did not learn: always predicting one digit gives 0.1."""


class Failures(NamedTuple):
    """The trainings of a network that did not learn, and the median accuracy over all of its trainings."""

    label: str
    number: int
    replicates: int
    median: float

    def words(self) -> str:
        """The number and the median in words."""
        median = percent_of(self.median)
        return f"{self.number} of {self.replicates} trainings did not learn; the median is {median}"


class Point(NamedTuple):
    """A network in the figure: the side of its receptive field in pixels, and its accuracy."""

    field: int
    accuracy: Bar


def points(measured: Measured) -> dict[str, tuple[Point, ...]]:
    """The points of each family by ascending receptive field; each family begins with `START` or contains it."""
    found = {}
    for family in FAMILIES:
        labels = [one.label for one in VARIANTS if one.family == family or one.label == START]
        of_family = [
            Point(field(measured, label), bar) for label, bar in zip(labels, bars(measured, labels), strict=True)
        ]
        found[family] = tuple(sorted(of_family, key=lambda one: one.field))
    return found


def field(measured: Measured, label: str) -> int:
    """The side of the receptive field in pixels."""
    sides = measured.trained[label].receptive_field
    assert sides is not None
    return sides[0]


def failures(measured: Measured) -> tuple[Failures, ...]:
    """The networks with trainings that did not learn."""
    found = []
    for label, one in measured.trained.items():
        accuracies = np.array(one.values("accuracy"))
        number = int((accuracies <= CHANCE).sum())
        if number:
            found.append(Failures(label, number, len(accuracies), float(np.median(accuracies))))
    return tuple(found)


def figures(measured: Measured) -> dict[str, Figure]:
    """The figures of the report by file name."""
    return {"field": field_figure(points(measured), failures(measured))}


@styled
def field_figure(families: Mapping[str, tuple[Point, ...]], failed: Sequence[Failures]) -> Figure:
    """Draw accuracy against the receptive field on a logarithmic axis, one line per family.

    A note at the lower end of its interval names the trainings of a network that did not learn.
    """
    figure = new_figure(3.6, width=5.6)
    axes = figure.subplots()
    for (family, of_family), style in zip(families.items(), line_styles(list(families)).values(), strict=True):
        axes.plot(
            [one.field for one in of_family],
            [one.accuracy.mean for one in of_family],
            color=style.colour,
            marker=style.marker,
            markersize=5,
            linewidth=1.3,
            label=f"more {family}" if family == "depth" else f"larger {family}",
        )
        for one in of_family:
            interval_at(axes, one.accuracy, one.field, colour=style.colour)
    every = {point.accuracy.label: point for of_family in families.values() for point in of_family}
    for failure in failed:
        point = every[failure.label]
        axes.annotate(
            failure.words().replace("; ", "\n"),
            (point.field, point.accuracy.low),
            xytext=(-6, 0),
            textcoords="offset points",
            color=MUTED,
            ha="right",
        )
    axes.axvline(SIDE, color=MUTED, linewidth=0.9, linestyle=DASHED, zorder=0)
    axes.annotate(
        "side of the image",
        (SIDE, 0.03),
        xycoords=("data", "axes fraction"),
        xytext=(4, 0),
        textcoords="offset points",
        color=MUTED,
    )
    sides = sorted({one.field for of_family in families.values() for one in of_family})
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(sides))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter("{x:.0f}")
    axes.grid(axis="y", color=RULE)
    axes.legend(loc="upper left")
    axes.set_xlabel("receptive field of the last feature map, side in pixels")
    axes.set_ylabel("test accuracy with 95 % interval")
    axes.set_title("Accuracy against the receptive field, 10,000 parameters each")
    return figure


def rank_correlation(measured: Measured) -> float:
    """Spearman's rank correlation of receptive field and mean accuracy over the networks."""
    labels = [one.label for one in VARIANTS]
    means = [measured.estimate(label).mean for label in labels]
    return float(stats.spearmanr([field(measured, label) for label in labels], means).statistic)


def text(measured: Measured) -> str:
    """Return the report as Markdown; the figure is expected in the same folder."""
    parameters = [one.parameters for one in measured.trained.values()]
    return template("depth.md.j2", package=__package__, autoescape=False).render(
        answer=answer(measured),
        protocol=protocol_text(measured),
        networks_table=networks_table(measured, "Every network, best first.", fields=True),
        rates_table=rates_table(measured.choices),
        sentences=pair_sentences(measured, PAIRS),
        parameters=(count(min(parameters)), count(max(parameters))),
        dilations=[percent(measured.estimate(one)) for one in (START, "dilation 2", "dilation 3", DILATED)],
        dilation_parameters=count(measured.trained[START].parameters),
        failures=failures(measured),
        correlation=f"{rank_correlation(measured):.2f}",
        same_field=[f"{one} {percent(measured.estimate(one))}" for one in SAME_FIELD],
        same_field_compared=[compared(measured, SAME_FIELD[0], other) for other in SAME_FIELD[1:]],
        variants=VARIANTS,
        shown=_shown,
    )


def _shown(one: Variant) -> str:
    """The maps of the convolutions, as in `26, 26`."""
    return ", ".join(map(str, one.maps))


def answer(measured: Measured) -> str:
    """The answer in two sentences, with its numbers."""
    fields = [field(measured, label) for label in (SHALLOW, START, "3 convolutions", DEEP)]
    failed = {one.label: f" ({one.words()})" for one in failures(measured)}
    means = [
        percent(measured.estimate(label)) + failed.get(label, "") for label in (SHALLOW, START, "3 convolutions", DEEP)
    ]
    wider = compared(measured, DILATED, START)
    *shallower, deepest = means
    return (
        f"With about {count(10_000)} parameters each, networks with 1, 2, 3 and 4 convolutions see "
        f"{', '.join(map(str, fields[:-1]))} and {fields[-1]} pixels and reach {', '.join(shallower)} and {deepest}. "
        f"Dilation enlarges the receptive field from {field(measured, START)} to {field(measured, DILATED)} pixels "
        f"with exactly the same parameters and operations: {wider}."
    )


def results(measured: Measured) -> dict[str, Any]:
    """The numbers of the report."""
    return {
        **record(measured, answer(measured)),
        "families": {family: [one.accuracy.label for one in found] for family, found in points(measured).items()},
        "failures": [one._asdict() for one in failures(measured)],
        "rank_correlation": rank_correlation(measured),
        "parameters": {"mean": float(np.mean([one.parameters for one in measured.trained.values()]))},
    }
