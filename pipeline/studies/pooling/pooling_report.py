"""Figures, text and numbers of the study on pooling."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure

from pipeline.reporting.figures.style import BLUE, GREEN, INK, RULE, VERMILLION, line_styles, new_figure, styled
from pipeline.reporting.tables.text_table import Table
from pipeline.reporting.templates.rendering import template
from pipeline.statistics.results import Estimate
from pipeline.studies.pooling.pooling_protocol import (
    INVARIANT,
    MISSED,
    POOLINGS,
    PUBLISHED,
    REPLICATES,
    SIZES,
    STEPS,
    claims,
    signal_label,
)
from pipeline.studies.published_values import claim_record, claims_table, estimate, percent
from pipeline.studies.trainings import Trained

CONSISTENCIES = {
    "shift_consistency": "whole pixels",
    "subpixel_consistency": "fractions of a pixel",
    "circular_consistency": "circular",
}
"""Keys of `measure_shifts` and the words for them."""


class OnDigits(NamedTuple):
    """Accuracy and consistencies of one network on digits, a value per replicate, and the largest shift in pixels.

    `tested_share` is the number of test over that of training digits, which each replicate draws from the same sample.
    """

    accuracy: tuple[float, ...]
    consistencies: Mapping[str, tuple[float, ...]]
    largest_shift: int
    tested_share: float

    def estimates(self) -> tuple[Estimate, ...]:
        """The mean accuracy, and the mean consistency under each kind of shift, with their intervals."""
        values = (self.accuracy, *(self.consistencies[key] for key in CONSISTENCIES))
        return tuple(estimate(one, tested_share=self.tested_share) for one in values)


def signal_estimates(signals: Mapping[str, Trained]) -> dict[str, Estimate]:
    """The mean test accuracy of each candidate on signals with its interval."""
    return {label: estimate(one.values("accuracy")) for label, one in signals.items()}


def ranked(ours: Mapping[str, Estimate], size: int) -> list[str]:
    """The kinds of pooling by their accuracy with this number of training signals, best first."""
    return sorted(POOLINGS, key=lambda pooling: -ours[signal_label(pooling, size)].mean)


def text(signals: Mapping[str, Trained], pytorch: Mapping[str, Trained], digits: Mapping[str, OnDigits]) -> str:
    """Return the report as Markdown."""
    ours = signal_estimates(signals)
    consistent = {name: float(np.mean(one.consistencies["shift_consistency"])) for name, one in digits.items()}
    order = sorted(POOLINGS, key=lambda pooling: -consistent[pooling])
    return template("pooling.md.j2", package=__package__, autoescape=False).render(
        percent=percent,
        ours=ours,
        label=signal_label,
        few=SIZES[0],
        many=SIZES[-1],
        ranked={size: ranked(ours, size) for size in SIZES},
        consistent=consistent,
        order=order,
        invariant=INVARIANT,
        circular=float(np.mean(digits[INVARIANT].consistencies["circular_consistency"])),
        largest_shift=digits[INVARIANT].largest_shift,
        replicates=REPLICATES,
        steps=STEPS,
        claims={
            size: claims_table(
                [(claim, ours[claim.name]) for claim in claims(size)],
                f"{size:,} training signals: test accuracy in per cent on 1,000 signals, {REPLICATES} replicates.",
            )
            for size in SIZES
        },
        digits=_digits_table(digits),
        accuracy=float(np.mean(digits[INVARIANT].accuracy)),
        starts=_starts_table(signals, pytorch),
    )


def _starts_table(signals: Mapping[str, Trained], pytorch: Mapping[str, Trained]) -> Table:
    def cell(one: Trained) -> str:
        ours = estimate(one.values("accuracy"))
        return f"{percent(ours.mean)} ({percent(ours.low)} to {percent(ours.high)})"

    return Table(
        caption="Test accuracy in per cent with 95 % interval over replicates, by the distribution of initial weights.",
        header=("", "published", "Glorot", "PyTorch"),
        rows=tuple(
            (name, percent(PUBLISHED[pooling][SIZES.index(size)]), cell(signals[name]), cell(pytorch[name]))
            for pooling, size in MISSED
            for name in [signal_label(pooling, size)]
        ),
    )


def _digits_table(digits: Mapping[str, OnDigits]) -> Table:
    return Table(
        caption="Digits: accuracy, and the share of digits of which two copies moved at random get the same class, in "
        "per cent with 95 % interval over replicates, corrected for their common digits (Nadeau and Bengio 2003).",
        header=("pooling", "accuracy", *CONSISTENCIES.values()),
        rows=tuple(
            (name, *(f"{percent(ours.mean)} ({percent(ours.low)} to {percent(ours.high)})" for ours in one.estimates()))
            for name, one in digits.items()
        ),
    )


def figures(signals: Mapping[str, Trained], digits: Mapping[str, OnDigits]) -> dict[str, Figure]:
    """Return the figures of the report by file name."""
    return {"sizes": sizes_figure(signal_estimates(signals)), "consistency": consistency_figure(digits)}


@styled
def sizes_figure(ours: Mapping[str, Estimate]) -> Figure:
    """Plot the error against the number of training signals: a line per kind of pooling, published values hollow."""
    figure = new_figure(4.0)
    axes = figure.subplots()
    for pooling, style in line_styles(list(POOLINGS)).items():
        found = [ours[signal_label(pooling, size)] for size in SIZES]
        sizes = np.array(SIZES) * 1.05 ** (list(POOLINGS).index(pooling) - 2.5)  # side by side
        errors = [100 - 100 * one.mean for one in found]
        axes.plot(sizes, errors, style.line, color=style.colour, marker=style.marker, label=pooling)
        axes.vlines(
            sizes, [100 - 100 * one.high for one in found], [100 - 100 * one.low for one in found], color=style.colour
        )
        if pooling in PUBLISHED:
            values = [100 - 100 * value for value in PUBLISHED[pooling]]
            axes.plot(sizes, values, style.marker, color=style.colour, markerfacecolor="white", markersize=9, zorder=1)
    axes.plot([], [], "o", color=INK, markerfacecolor="white", markersize=9, label="published (hollow)")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_yticks((2, 3, 5, 10, 20, 40), ("2", "3", "5", "10", "20", "40"))
    axes.set_xticks(SIZES, [f"{size:,}" for size in SIZES])
    axes.minorticks_off()
    axes.set_xlabel("training signals")
    axes.set_ylabel("test error, %")
    axes.set_title("Pooling matters most with few signals")
    axes.grid(axis="y", color=RULE)
    figure.legend(loc="outside lower center", ncols=3)
    return figure


@styled
def consistency_figure(digits: Mapping[str, OnDigits]) -> Figure:
    """Draw a row per kind of pooling: the consistency under each kind of shift with its interval."""
    figure = new_figure(3.4)
    axes = figure.subplots()
    places = np.arange(len(digits))
    kinds = zip(*(one.estimates()[1:] for one in digits.values()), strict=True)
    for offset, colour, words, found in zip(
        (-0.2, 0, 0.2), (BLUE, VERMILLION, GREEN), CONSISTENCIES.values(), kinds, strict=True
    ):
        axes.hlines(places + offset, [100 * one.low for one in found], [100 * one.high for one in found], color=colour)
        axes.plot([100 * one.mean for one in found], places + offset, "o", color=colour, label=words)
    axes.set_yticks(places, list(digits))
    axes.invert_yaxis()
    axes.set_xlabel("both moved copies get the same class, %")
    axes.set_title("Which pooling tolerates shifts of digits")
    axes.grid(axis="x", color=RULE)
    figure.legend(loc="outside lower center", ncols=3)
    return figure


def results(
    signals: Mapping[str, Trained], pytorch: Mapping[str, Trained], digits: Mapping[str, OnDigits]
) -> dict[str, Any]:
    """The numbers of the report, for other pages."""
    ours = signal_estimates(signals)
    return {
        "signals": {
            name: {"accuracies": one.values("accuracy"), "parameters": one.parameters} for name, one in signals.items()
        },
        "pytorch": {name: one.values("accuracy") for name, one in pytorch.items()},
        "digits": {name: {"accuracy": one.accuracy, **one.consistencies} for name, one in digits.items()},
        "claims": [claim_record(claim, ours[claim.name]) for size in SIZES for claim in claims(size)],
    }
